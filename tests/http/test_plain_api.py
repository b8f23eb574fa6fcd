"""The short routes for text, and data out of a text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from conftest import MESSAGES
from jsonschema import validate

if TYPE_CHECKING:
    from conftest import Call

PROMPT = {"model": "echo", "prompt": "one two three"}
CHAT = {"model": "echo", "messages": MESSAGES}
SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 12},
        "kind": {"enum": ["model", "library"]},
    },
    "required": ["name", "kind"],
    "additionalProperties": False,
}


async def test_a_prompt_is_answered_in_few_words(call: Call) -> None:
    body = (await call("api/generate", {**PROMPT, "max_tokens": 2})).json

    assert {"id", "created", "timings"} < body.keys()
    assert body["model"] == "echo"
    assert body["text"] == "one two"
    assert body["finish_reason"] == "length"
    assert body["usage"] == {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}


async def test_a_conversation_is_answered_with_a_message(call: Call) -> None:
    body = (await call("api/chat", CHAT)).json

    assert body["message"] == {"role": "assistant", "content": "Hello there"}
    assert body["finish_reason"] == "stop"


@pytest.mark.parametrize(("path", "body"), [("api/generate", PROMPT), ("api/chat", CHAT)])
async def test_a_stream_says_the_same_as_the_whole(
    call: Call, path: str, body: dict[str, Any]
) -> None:
    whole = (await call(path, body)).json
    answer = await call(f"{path}/stream", body)
    *events, done = answer.events

    def text(part: dict[str, Any]) -> str:
        return part["text"] if "text" in part else part["message"]["content"]

    assert answer.headers["Content-Type"].startswith("text/event-stream")
    assert done == "[DONE]"
    assert len(events) > 2
    assert "".join(map(text, events)) == text(whole)
    assert not any("usage" in event or "finish_reason" in event for event in events[:-1])
    assert events[-1]["usage"] == whole["usage"]
    assert events[-1]["finish_reason"] == whole["finish_reason"]


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        ("api/generate", {"prompt": "a", "stream": True}, "stream"),
        ("api/generate", {"prompt": ["a", "b"]}, "prompt"),
        ("api/generate", {"prompt": "a", "logprobs": 1}, "logprobs"),
        ("api/chat", {"messages": MESSAGES, "n": 2}, "n"),
        ("api/chat/stream", {"messages": [{"role": "nobody", "content": ""}]}, "messages[0].role"),
        ("v1/extract", {"schema": {}}, "text"),
        ("v1/extract", {"text": "a", "schema": "b"}, "schema"),
        ("v1/extract", {"text": "a", "stream": True}, "stream"),
        ("v1/extract", {"text": "a", "model": "echo"}, "text"),
        ("v1/extract", {"text": "a", "model": "guide", "schema": {"not": {}}}, "schema"),
    ],
)
async def test_what_has_no_place_there_is_refused(
    call: Call, path: str, body: dict[str, Any], param: str
) -> None:
    answer = await call(path, {"model": "echo", **body})

    assert answer.status == 400
    assert answer.error["param"] == param


async def test_data_follows_its_schema(call: Call) -> None:
    body = {"model": "guide", "text": "We introduce NuExtract 2.0 ...", "schema": SCHEMA}
    answer = (await call("v1/extract", body)).json

    validate(answer["data"], SCHEMA)
    assert answer["object"] == "extraction"
    assert answer["finish_reason"] == "stop"
    assert answer["usage"]["completion_tokens"] > 0
    assert (await call("v1/extract", body)).json["data"] == answer["data"]


async def test_data_that_was_cut_is_none(call: Call) -> None:
    body = {"model": "guide", "text": "We introduce NuExtract 2.0 ...", "max_tokens": 3}
    answer = (await call("v1/extract", body)).json

    assert answer["data"] is None
    assert answer["text"].lstrip().startswith("{")
    assert answer["finish_reason"] == "length"


async def test_an_answer_too_long_for_the_context_is_refused_with_both_numbers(call: Call) -> None:
    for path, body in [
        ("api/generate", {"model": "guide", "prompt": "load " * 3000}),
        (
            "api/chat/stream",
            {"model": "guide", "messages": [MESSAGES[0] | {"content": "a " * 9000}]},
        ),
        ("v1/extract", {"model": "guide", "text": "load " * 3000}),
    ]:
        error = (await call(path, body)).error
        assert error["code"] == "context_length_exceeded", path
        assert "2048" in error["message"]
