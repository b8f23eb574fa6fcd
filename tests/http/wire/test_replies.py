from __future__ import annotations

import json
import math
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types import Completion
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from jupyter_llm.handlers.wire.chat_reply import ChatReply
from jupyter_llm.handlers.wire.completion_reply import CompletionReply
from jupyter_llm.handlers.wire.fingerprint import fingerprint
from jupyter_llm.types import (
    FinishReason,
    Model,
    Timings,
    TokenAlternative,
    TokenChunk,
    TokenLogprob,
    Usage,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jupyter_llm.handlers.wire.reply import Reply

KINDS = [ChatReply, CompletionReply]
LAST = TokenChunk(
    text="",
    finish_reason=FinishReason.LENGTH,
    usage=Usage(prompt_tokens=10, completion_tokens=5, cached_tokens=4),
    timings=Timings(queue_s=0.5, prefill_s=0.25, decode_s=2.0),
)


def make(kind: type[Any], *, include_usage: bool = True) -> Any:
    return kind(request_id="id-1", model="guide", created=7, include_usage=include_usage)


def events(reply: Reply, chunks: Sequence[TokenChunk]) -> list[dict[str, Any]]:
    sent = b"".join(reply.events(chunk) for chunk in chunks)
    assert sent.endswith(b"\n\n")
    found = sent.decode("ascii").removesuffix("\n\n").split("\n\n")
    # clients split lines where Python does, at U+2028 too
    assert all(len(event.splitlines()) == 1 for event in found)
    return [json.loads(event.removeprefix("data: ")) for event in found]


def text_of(event: dict[str, Any]) -> str:
    [choice] = event["choices"] or [{}]
    return choice.get("delta", {}).get("content", "") or choice.get("text", "")


def alternative(data: bytes, logprob: float = -0.5) -> TokenAlternative:
    text = data.decode(errors="replace")
    return TokenAlternative(text=text, text_bytes=data, logprob=logprob)


def chunk_of(*tokens: bytes, top: tuple[TokenAlternative, ...] = (), offset: int = 0) -> TokenChunk:
    logprobs = tuple(
        TokenLogprob(chosen=alternative(token), top=top, offset=offset) for token in tokens
    )
    text = b"".join(tokens).decode(errors="ignore")
    return TokenChunk(text=text, logprobs=logprobs)


@pytest.mark.parametrize("kind", KINDS)
@given(texts=st.lists(st.text(max_size=5)), ending=st.text(max_size=3))
def test_a_stream_says_what_the_whole_says(kind: type[Any], texts: list[str], ending: str) -> None:
    last = TokenChunk(
        text=ending, finish_reason=LAST.finish_reason, usage=LAST.usage, timings=LAST.timings
    )
    chunks = [*(TokenChunk(text=text) for text in texts), last]
    whole = json.loads(make(kind).whole(chunks))
    stream = events(make(kind), chunks)

    [choice] = whole["choices"]
    message = choice["message"]["content"] if "message" in choice else choice["text"]
    assert "".join(text_of(event) for event in stream) == message == "".join(texts) + ending
    assert stream[-2]["choices"][0]["finish_reason"] == choice["finish_reason"] == "length"
    assert stream[-2]["timings"] == whole["timings"]
    assert stream[-1]["usage"] == whole["usage"]


@pytest.mark.parametrize("kind", KINDS)
def test_usage_counts_what_the_engine_counted(kind: type[Any]) -> None:
    assert json.loads(make(kind).whole([LAST]))["usage"] == {
        "prompt_tokens": 10,
        "completion_tokens": 5,
        "total_tokens": 15,
        "prompt_tokens_details": {"cached_tokens": 4},
        "completion_tokens_details": {"reasoning_tokens": 0},
    }


@pytest.mark.parametrize("kind", KINDS)
def test_timings_give_seconds_and_rates(kind: type[Any]) -> None:
    assert json.loads(make(kind).whole([LAST]))["timings"] == {
        "queue_s": 0.5,
        "prefill_s": 0.25,
        "decode_s": 2.0,
        "prompt_tokens_per_s": 24.0,
        "tokens_per_s": 2.0,
    }


@pytest.mark.parametrize("kind", KINDS)
def test_usage_comes_only_where_it_is_asked_for(kind: type[Any]) -> None:
    without = events(make(kind, include_usage=False), [TokenChunk(text="a"), LAST])
    asked = events(make(kind), [TokenChunk(text="a"), LAST])

    assert not any("usage" in event for event in without)
    assert [event["usage"] is None for event in asked] == [True] * (len(asked) - 1) + [False]
    assert asked[-1]["choices"] == []


def test_openais_types_take_every_answer() -> None:
    chunks = [chunk_of(b"Hi", top=(alternative(b"Hi"), alternative(b"Yo", -1.5))), LAST]

    assert ChatCompletion.model_validate_json(make(ChatReply).whole(chunks), strict=True)
    assert Completion.model_validate_json(make(CompletionReply).whole(chunks), strict=True)
    for event in events(make(ChatReply), chunks):
        assert ChatCompletionChunk.model_validate(event)


def test_a_chat_stream_begins_with_the_role() -> None:
    first, *others = events(make(ChatReply), [TokenChunk(text="a"), LAST])

    assert first["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert not any("role" in event["choices"][0]["delta"] for event in others if event["choices"])


def test_a_chunk_that_shows_nothing_yet_sends_nothing() -> None:
    reply = make(CompletionReply)

    assert reply.events(TokenChunk(text="")) == b""


class TestLogprobs:
    def test_of_chat_have_text_bytes_and_alternatives(self) -> None:
        chunk = chunk_of(b"Hi", top=(alternative(b"Hi"), alternative(b"\xf0\x9f", -math.inf)))
        whole = json.loads(make(ChatReply).whole([chunk, LAST]))
        streamed = events(make(ChatReply), [chunk, LAST])[1]

        expected = [
            {
                "token": "Hi",
                "bytes": [72, 105],
                "logprob": -0.5,
                "top_logprobs": [
                    {"token": "Hi", "bytes": [72, 105], "logprob": -0.5},
                    {"token": "�", "bytes": [240, 159], "logprob": -9999.0},
                ],
            }
        ]
        assert whole["choices"][0]["logprobs"]["content"] == expected
        assert streamed["choices"][0]["logprobs"]["content"] == expected

    def test_of_chat_reach_a_client_before_their_text_does(self) -> None:
        # half a character has a probability, but no text yet
        streamed = events(make(ChatReply), [chunk_of(b"\xc3"), chunk_of(b"\xa9"), LAST])

        assert [len(e["choices"][0]["logprobs"]["content"]) for e in streamed[1:3]] == [1, 1]

    def test_of_completions_name_tokens_that_are_no_text_by_their_bytes(self) -> None:
        chunks = [
            chunk_of("né".encode()),
            chunk_of(b"\xe2\x82", offset=2),
            chunk_of(b"x", offset=3),
        ]
        whole = json.loads(make(CompletionReply).whole([*chunks, LAST]))
        streamed = events(make(CompletionReply), chunks)

        logprobs = whole["choices"][0]["logprobs"]
        assert logprobs["tokens"] == ["né", "bytes:\\xe2\\x82", "x"]
        assert logprobs["text_offset"] == [0, 2, 3]
        # the chosen token is there even where no others were asked for
        assert logprobs["top_logprobs"][2] == {"x": -0.5}
        offsets = [event["choices"][0]["logprobs"]["text_offset"] for event in streamed]
        assert list(chain.from_iterable(offsets)) == logprobs["text_offset"]

    def test_of_completions_have_none_for_the_first_token_of_a_prompt(self) -> None:
        first = TokenAlternative(text="a", text_bytes=b"a", logprob=None)
        prompt = TokenChunk(text="a", logprobs=(TokenLogprob(chosen=first),))
        chunks = [prompt, chunk_of(b"b", top=(alternative(b"c"),), offset=1), LAST]
        whole = json.loads(make(CompletionReply).whole(chunks))
        [streamed, *_] = events(make(CompletionReply), chunks)

        logprobs = whole["choices"][0]["logprobs"]
        assert logprobs["token_logprobs"] == [None, -0.5]
        assert logprobs["top_logprobs"] == [None, {"c": -0.5, "b": -0.5}]
        assert streamed["choices"][0]["logprobs"]["token_logprobs"] == [None]

    def test_of_completions_list_alternatives_by_text(self) -> None:
        chunk = chunk_of(b"Hi", top=(alternative(b"Hi"), alternative(b"Yo", -1.5)))
        whole = json.loads(make(CompletionReply).whole([chunk, LAST]))

        assert whole["choices"][0]["logprobs"]["top_logprobs"] == [{"Hi": -0.5, "Yo": -1.5}]


@pytest.mark.parametrize("kind", KINDS)
def test_several_answers_keep_apart_streamed_or_not(kind: type[Any]) -> None:
    end = TokenChunk(text="", finish_reason=FinishReason.STOP, index=1)
    chunks = [
        TokenChunk(text="b", index=1),
        TokenChunk(text="a"),
        end,
        TokenChunk(text="c"),
        LAST,
    ]
    whole = json.loads(make(kind).whole(chunks))
    stream = events(make(kind), chunks)

    texts, reasons = {0: "", 1: ""}, {}
    for event in stream[:-1]:
        [choice] = event["choices"]
        texts[choice["index"]] += text_of(event)
        if choice["finish_reason"]:
            reasons[choice["index"]] = choice["finish_reason"]
    found = [one.get("message", {}).get("content", one.get("text")) for one in whole["choices"]]
    assert found == ["ac", "b"] == list(texts.values())
    assert [choice["finish_reason"] for choice in whole["choices"]] == ["length", "stop"]
    assert reasons == {0: "length", 1: "stop"}
    assert [event["usage"] is None for event in stream] == [True] * (len(stream) - 1) + [False]
    assert stream[-1]["usage"] == whole["usage"]
    assert sum("timings" in event for event in stream) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_every_part_names_what_computed_it(kind: type[Any]) -> None:
    frame = {"request_id": "1", "model": "m", "created": 1, "include_usage": False}
    reply = kind(**frame, system_fingerprint="fp_1")
    parts = [json.loads(reply.whole([LAST])), *events(reply, [TokenChunk(text="a"), LAST])]
    assert {part["system_fingerprint"] for part in parts} == {"fp_1"}


def test_a_fingerprint_changes_with_the_model_alone() -> None:
    model = Model(id="a", format="gguf", engine="llama_cpp", size_bytes=1)
    assert fingerprint(model) == fingerprint(replace(model, context_length=9))
    assert fingerprint(model) != fingerprint(replace(model, size_bytes=2))
