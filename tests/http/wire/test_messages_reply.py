from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_llm.handlers.wire.messages.errors import anthropic_error
from jupyter_llm.handlers.wire.messages.reply import MessagesReply
from jupyter_llm.types import FinishReason, TokenChunk, ToolCallDelta, Usage

USAGE = Usage(prompt_tokens=10, completion_tokens=5, cached_tokens=4, reasoning_tokens=2)
FIGURES = {
    "input_tokens": 6,
    "cache_creation_input_tokens": 0,
    "cache_read_input_tokens": 4,
    "output_tokens": 5,
    "output_tokens_details": {"thinking_tokens": 2},
}


def last(reason: FinishReason = FinishReason.STOP, stop: str | None = None) -> TokenChunk:
    return TokenChunk(text="", finish_reason=reason, usage=USAGE, stop=stop)


def said(text: str) -> TokenChunk:
    return TokenChunk(text=text)


def thought(text: str) -> TokenChunk:
    return TokenChunk(text="", reasoning=text)


def called(index: int, **fields: str) -> TokenChunk:
    return TokenChunk(text="", tool_calls=(ToolCallDelta(index=index, **fields),))


def make() -> MessagesReply:
    return MessagesReply(request_id="msg_1", model="guide")


def parsed(sent: bytes) -> list[dict[str, Any]]:
    """The events, checked: each named by its type and on lines of its own."""
    found = []
    for event in sent.decode("ascii").removesuffix("\n\n").split("\n\n"):
        name, data = event.splitlines()
        body = json.loads(data.removeprefix("data: "))
        assert name == f"event: {body['type']}"
        found.append(body)
    return found


def stream(*chunks: TokenChunk) -> list[dict[str, Any]]:
    reply = make()
    return parsed(b"".join(reply.events(chunk) for chunk in chunks) + reply.ending)


def whole(*chunks: TokenChunk) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(make().whole(chunks))
    return found


def gathered(events: list[dict[str, Any]]) -> dict[str, Any]:
    """The message that a client makes of a stream, as Anthropic's own do."""
    message: dict[str, Any] = {}
    inputs: dict[int, str] = {}
    for event in events:
        match event["type"]:
            case "message_start":
                message = event["message"]
            case "content_block_start":
                assert event["index"] == len(message["content"])
                message["content"].append(event["content_block"])
            case "content_block_delta":
                delta, block = event["delta"], message["content"][event["index"]]
                match delta["type"]:
                    case "input_json_delta":
                        before = inputs.get(event["index"], "")
                        inputs[event["index"]] = before + delta["partial_json"]
                    case "signature_delta":
                        block["signature"] = delta["signature"]
                    case kind:
                        field = kind.removesuffix("_delta")
                        block[field] += delta[field]
            case "message_delta":
                message |= event["delta"]
                message["usage"] = event["usage"]
    for index, text in inputs.items():
        message["content"][index]["input"] = json.loads(text)
    return message


def test_a_text_comes_in_anthropics_order() -> None:
    events = stream(said("Hel"), said("lo"), last())

    assert [event["type"] for event in events] == [
        "message_start",
        "ping",
        "content_block_start",
        "content_block_delta",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    assert events[2]["content_block"] == {"type": "text", "text": ""}
    assert events[3]["delta"] == {"type": "text_delta", "text": "Hel"}
    assert events[6] == {
        "type": "message_delta",
        "delta": {"stop_reason": "end_turn", "stop_sequence": None},
        "usage": FIGURES,
    }


CHUNKS = (
    thought("Hm"),
    thought("."),
    said("I add."),
    called(0, id="call_a", name="add"),
    called(0, arguments='{"a":'),
    called(0, arguments="1}"),
    called(1, id="call_b", name="now"),
    last(FinishReason.TOOL_CALLS),
)


def test_a_message_has_what_was_thought_said_and_called() -> None:
    message = whole(*CHUNKS)

    assert message == {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "guide",
        "content": [
            {"type": "thinking", "thinking": "Hm.", "signature": ""},
            {"type": "text", "text": "I add."},
            {"type": "tool_use", "id": "call_a", "name": "add", "input": {"a": 1}},
            {"type": "tool_use", "id": "call_b", "name": "now", "input": {}},
        ],
        "stop_reason": "tool_use",
        "stop_sequence": None,
        "usage": FIGURES,
    }
    assert gathered(stream(*CHUNKS)) == message


def test_every_block_that_begins_ends_before_the_next() -> None:
    open_blocks: list[int] = []
    for event in stream(*CHUNKS):
        if event["type"] == "content_block_start":
            assert open_blocks == []
            open_blocks.append(event["index"])
        elif event["type"] == "content_block_delta":
            assert open_blocks == [event["index"]]
        elif event["type"] == "content_block_stop":
            open_blocks.remove(event["index"])
    assert open_blocks == []


@pytest.mark.parametrize(
    ("chunk", "expected"),
    [
        (last(), ("end_turn", None)),
        (last(stop="END"), ("stop_sequence", "END")),
        (last(FinishReason.LENGTH), ("max_tokens", None)),
        (last(FinishReason.TOOL_CALLS), ("tool_use", None)),
    ],
)
def test_the_end_says_why(chunk: TokenChunk, expected: tuple[str, str | None]) -> None:
    message = whole(said("a"), chunk)
    delta = stream(said("a"), chunk)[-2]["delta"]

    assert (message["stop_reason"], message["stop_sequence"]) == expected
    assert (delta["stop_reason"], delta["stop_sequence"]) == expected


def test_an_answer_without_anything_has_no_blocks() -> None:
    assert whole(last())["content"] == []
    assert gathered(stream(last())) == whole(last())


@pytest.mark.parametrize("arguments", ['{"a":', "[1]", "7"])
def test_an_input_that_is_none_comes_wrapped(arguments: str) -> None:
    cut = (called(0, id="c", name="add", arguments=arguments), last(FinishReason.LENGTH))
    [block] = whole(*cut)["content"]

    assert block["input"] == {"INVALID_JSON": arguments}


def test_a_failure_is_an_error_event() -> None:
    body = {"message": "It broke.", "type": "server_error", "param": None, "code": "engine_died"}
    reply = make()
    reply.events(said("a"))
    [event] = parsed(reply.failure(json.dumps({"error": body}).encode()))

    assert event == {"type": "error", "error": {**body, "type": "api_error"}}


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (403, "permission_error"),
        (404, "not_found_error"),
        (405, "invalid_request_error"),
        (413, "request_too_large"),
        (429, "rate_limit_error"),
        (500, "api_error"),
        (502, "api_error"),
        (503, "overloaded_error"),
        (507, "api_error"),
    ],
)
def test_errors_are_of_anthropics_kinds(status: int, kind: str) -> None:
    body = b'{"error": {"message": "m", "type": "t", "param": null, "code": "c"}}'

    assert anthropic_error(status, body)["error"]["type"] == kind


_TEXTS = st.text(max_size=5)


@given(
    st.lists(st.one_of(st.builds(said, _TEXTS), st.builds(thought, _TEXTS)), max_size=12),
    st.sampled_from(FinishReason),
)
def test_a_stream_says_what_the_whole_says(chunks: list[TokenChunk], reason: FinishReason) -> None:
    assert gathered(stream(*chunks, last(reason))) == whole(*chunks, last(reason))
