"""From events of the wire to the pieces of an answer."""

from __future__ import annotations

import json
from typing import Any

import pytest

from jupyter_llm.client.stream import deltas
from jupyter_llm.errors import EngineDiedError, LLMError
from jupyter_llm.types import Timings, Usage


def chunk(text: str | None = None, finish_reason: str | None = None, **extras: Any) -> str:
    delta = {} if text is None else {"content": text}
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    return json.dumps({"model": "guide", "choices": [choice], "usage": None, **extras})


USAGE = json.dumps(
    {
        "model": "guide",
        "choices": [],
        "usage": {
            "prompt_tokens": 5,
            "completion_tokens": 2,
            "prompt_tokens_details": {"cached_tokens": 3},
        },
    }
)


def test_the_last_delta_alone_has_the_ends() -> None:
    events = [
        chunk(""),
        chunk("Hello"),
        chunk(" you"),
        chunk(finish_reason="stop", timings={"queue_s": 0.1, "prefill_s": 0.2, "decode_s": 0.3}),
        USAGE,
        "[DONE]",
    ]
    *texts, last = deltas(events)
    assert [delta.text for delta in texts] == ["Hello", " you"]
    assert {delta.model for delta in (*texts, last)} == {"guide"}
    assert all(d.usage is None and d.finish_reason is None and d.timings is None for d in texts)
    assert last.text == ""
    assert last.finish_reason == "stop"
    assert last.usage == Usage(prompt_tokens=5, completion_tokens=2, cached_tokens=3)
    assert last.timings == Timings(queue_s=0.1, prefill_s=0.2, decode_s=0.3)


def test_an_error_in_the_stream_is_raised_as_what_it_is() -> None:
    error = {"error": {"message": "It crashed.", "type": "server_error", "code": "engine_died"}}
    stream = deltas([chunk("Hello"), json.dumps(error)])
    assert next(stream).text == "Hello"
    with pytest.raises(EngineDiedError, match=r"It crashed\."):
        next(stream)


@pytest.mark.parametrize("events", [[], [chunk("Hello")], [chunk("Hello"), chunk(None, "stop")]])
def test_a_stream_without_its_end_is_an_error(events: list[str]) -> None:
    with pytest.raises(LLMError, match="broke off"):
        list(deltas(events))


def test_an_event_that_is_not_json_is_quoted() -> None:
    with pytest.raises(LLMError, match="<html>"):
        list(deltas(["<html>"]))
