from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai._models import construct_type
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from jupyter_llm.handlers.wire.responses.draft import Draft
from jupyter_llm.handlers.wire.responses.reply import ResponsesReply
from jupyter_llm.handlers.wire.responses.request import asked_of
from jupyter_llm.types import (
    FinishReason,
    SamplingParams,
    Timings,
    TokenAlternative,
    TokenChunk,
    TokenLogprob,
    ToolCallDelta,
    Usage,
)

USAGE = Usage(prompt_tokens=10, completion_tokens=5, cached_tokens=4, reasoning_tokens=2)
EVENTS = TypeAdapter(ResponseStreamEvent)


def last(reason: FinishReason = FinishReason.STOP, text: str = "") -> TokenChunk:
    return TokenChunk(text=text, finish_reason=reason, usage=USAGE, timings=Timings())


def said(text: str) -> TokenChunk:
    return TokenChunk(text=text)


def thought(text: str) -> TokenChunk:
    return TokenChunk(text="", reasoning=text)


def called(index: int, **fields: str) -> TokenChunk:
    return TokenChunk(text="", tool_calls=(ToolCallDelta(index=index, **fields),))


def make(**fields: Any) -> ResponsesReply:
    body = asked_of(json.dumps({"input": "Hi", **fields}).encode()).body
    draft = Draft(body, SamplingParams(), response_id="resp_abc", created_at=7)
    return ResponsesReply(draft, model="guide")


def parsed(sent: bytes) -> list[dict[str, Any]]:
    """The events, checked: each named by its type, numbered in turn, on lines of its own."""
    found = []
    for event in sent.decode("ascii").removesuffix("\n\n").split("\n\n"):
        name, data = event.splitlines()
        body = json.loads(data.removeprefix("data: "))
        assert name == f"event: {body['type']}"
        assert EVENTS.validate_python(body, strict=False).type == body["type"]
        found.append(body)
    assert [event["sequence_number"] for event in found] == list(range(len(found)))
    return found


def stream(*chunks: TokenChunk, **fields: Any) -> list[dict[str, Any]]:
    reply = make(**fields)
    return parsed(b"".join(reply.events(chunk) for chunk in chunks) + reply.ending)


def whole(*chunks: TokenChunk, **fields: Any) -> dict[str, Any]:
    sent = make(**fields).whole(chunks)
    assert Response.model_validate_json(sent)
    found: dict[str, Any] = json.loads(sent)
    return found


def names(events: list[dict[str, Any]]) -> list[str]:
    return [event["type"].removeprefix("response.") for event in events]


def test_a_text_comes_in_openais_order() -> None:
    events = stream(said("Hel"), said("lo"), last(text="!"))

    assert names(events) == [
        "created",
        "in_progress",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.delta",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ]
    assert events[2]["item"]["content"] == []
    assert events[7]["text"] == "Hello!"
    assert events[9]["item"] == events[-1]["response"]["output"][0]


def test_reasoning_text_and_calls_are_items_one_after_another() -> None:
    chunks = [
        thought("Hm"),
        thought("."),
        said("I add."),
        called(0, id="call_a", name="add"),
        called(0, arguments='{"a":'),
        called(0, arguments="1}"),
        called(1, id="call_b", name="now", arguments="{}"),
        last(FinishReason.TOOL_CALLS),
    ]
    events = stream(*chunks)

    assert names(events)[2:] == [
        "output_item.added",
        "content_part.added",
        "reasoning_text.delta",
        "reasoning_text.delta",
        "reasoning_text.done",
        "content_part.done",
        "output_item.done",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "output_item.added",
        "function_call_arguments.delta",
        "function_call_arguments.delta",
        "function_call_arguments.done",
        "output_item.done",
        "output_item.added",
        "function_call_arguments.delta",
        "function_call_arguments.done",
        "output_item.done",
        "completed",
    ]
    output = events[-1]["response"]["output"]
    assert [item["type"] for item in output] == [
        "reasoning",
        "message",
        "function_call",
        "function_call",
    ]
    assert output[0]["content"] == [{"type": "reasoning_text", "text": "Hm."}]
    assert (output[2]["call_id"], output[2]["arguments"]) == ("call_a", '{"a":1}')
    assert len({item["id"] for item in output}) == 4
    for event in events:
        if "item_id" in event:
            assert event["item_id"] == output[event["output_index"]]["id"]


def test_an_answer_cut_off_by_its_limit_is_incomplete() -> None:
    events = stream(said("Hel"), last(FinishReason.LENGTH), max_output_tokens=1)

    assert names(events)[-1] == "incomplete"
    response = events[-1]["response"]
    assert response["status"] == "incomplete"
    assert response["incomplete_details"] == {"reason": "max_output_tokens"}
    assert response["output"][0]["status"] == "incomplete"
    assert "completed_at" not in response


def test_an_answer_without_anything_is_an_empty_message() -> None:
    [message] = whole(last())["output"]

    assert message["content"][0]["text"] == ""
    assert names(stream(last()))[2:4] == ["output_item.added", "content_part.added"]


def test_a_failure_is_the_last_event_and_keeps_what_was_complete() -> None:
    reply = make()
    error = json.dumps({"error": {"message": "The engine stopped."}}).encode()
    sent = reply.events(thought("Hm")) + reply.events(said("Hel")) + reply.failure(error)
    events = parsed(sent)

    assert names(events)[-1] == "failed"
    response = events[-1]["response"]
    assert response["status"] == "failed"
    assert response["error"] == {"code": "server_error", "message": "The engine stopped."}
    assert [item["type"] for item in response["output"]] == ["reasoning"]


def test_a_failure_before_the_first_chunk_is_told_in_the_same_order() -> None:
    error = json.dumps({"error": {"message": "It broke."}}).encode()

    assert names(parsed(make().failure(error))) == ["created", "in_progress", "failed"]


def test_usage_counts_what_the_engine_counted() -> None:
    assert whole(said("a"), last())["usage"] == {
        "input_tokens": 10,
        "input_tokens_details": {"cache_write_tokens": 0, "cached_tokens": 4},
        "output_tokens": 5,
        "output_tokens_details": {"reasoning_tokens": 2},
        "total_tokens": 15,
    }


def test_the_response_repeats_what_was_asked() -> None:
    schema = {"type": "json_schema", "name": "n", "schema": {"type": "object"}}
    tool = {"type": "function", "name": "f", "parameters": {"type": "object"}, "strict": True}
    response = whole(
        last(),
        instructions="Be brief.",
        max_output_tokens=9,
        metadata={"a": "b"},
        tools=[tool],
        tool_choice={"type": "function", "name": "f"},
        parallel_tool_calls=False,
        text={"format": schema},
        reasoning={"effort": "low"},
        user="ada",
        safety_identifier="x",
    )

    assert response["instructions"] == "Be brief."
    assert response["max_output_tokens"] == 9
    assert response["metadata"] == {"a": "b"}
    assert response["tools"] == [tool]
    assert response["tool_choice"] == {"type": "function", "name": "f"}
    assert response["parallel_tool_calls"] is False
    assert schema.items() <= response["text"]["format"].items()
    assert response["reasoning"]["effort"] == "low"
    assert response["user"] == "ada"
    assert (response["id"], response["created_at"], response["model"]) == ("resp_abc", 7, "guide")


def logprob(data: bytes) -> TokenLogprob:
    token = TokenAlternative(text=data.decode(errors="replace"), text_bytes=data, logprob=-0.5)
    return TokenLogprob(chosen=token, top=(token,))


def test_logprobs_come_with_their_text() -> None:
    half = TokenChunk(text="", logprobs=(logprob(b"\xc3"),))
    rest = TokenChunk(text="é", logprobs=(logprob(b"\xa9"),))
    elsewhere = TokenChunk(text="", reasoning="Hm", logprobs=(logprob(b"Hm"),))
    events = stream(elsewhere, half, rest, last())

    [delta] = [event for event in events if event["type"] == "response.output_text.delta"]
    assert [one["logprob"] for one in delta["logprobs"]] == [-0.5, -0.5]
    [_, message] = events[-1]["response"]["output"]
    [first, second] = message["content"][0]["logprobs"]
    assert [first["bytes"], second["bytes"]] == [[0xC3], [0xA9]]
    assert second["top_logprobs"][0]["logprob"] == -0.5


_TEXTS = st.text(max_size=5)
_CHUNKS = st.lists(
    st.one_of(
        st.builds(said, _TEXTS),
        st.builds(thought, _TEXTS),
        st.builds(lambda i, a: called(i, id=f"c{i}", name="f", arguments=a), st.just(0), _TEXTS),
    ),
    max_size=12,
)


@given(_CHUNKS, st.sampled_from(FinishReason))
def test_a_stream_says_what_the_whole_says(chunks: list[TokenChunk], reason: FinishReason) -> None:
    events = stream(*chunks, last(reason))
    response = whole(*chunks, last(reason))

    streamed = events[-1]["response"]
    for found in (response, streamed):
        found.pop("completed_at", None)
    assert streamed == response
    for number, item in enumerate(response["output"]):
        deltas = [e["delta"] for e in events if "delta" in e and e["output_index"] == number]
        text = item["arguments"] if "arguments" in item else item["content"][0]["text"]
        assert "".join(deltas) == text
    assert "".join(chunk.text for chunk in chunks) == "".join(
        item["content"][0]["text"] for item in response["output"] if item["type"] == "message"
    )


@pytest.mark.parametrize("text", ["\u2028", "\x85", "\0", "🐘", '"\n'])
def test_any_text_survives(text: str) -> None:
    events = stream(said(text), last())
    [delta] = [event["delta"] for event in events if "delta" in event]

    assert delta == text
    assert construct_type(type_=Response, value=events[-1]["response"]).output_text == text
