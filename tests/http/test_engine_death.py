"""An engine that dies while it answers, told in the form of each API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from jupyter_llm.errors import EngineDiedError

if TYPE_CHECKING:
    from conftest import Call
    from scripted import Script

CHAT = {"model": "echo", "messages": [{"role": "user", "content": "Hello"}]}
PROMPT = {"model": "echo", "prompt": "Hello"}
WHAT = "The engine stopped."

ROUTES = [
    ("v1/chat/completions", CHAT),
    ("v1/chat/completions", {**CHAT, "n": 3}),
    ("v1/completions", {**PROMPT, "prompt": ["a", "b"], "n": 2}),
    ("v1/completions", {**PROMPT, "best_of": 3}),
    ("v1/responses", {"model": "echo", "input": "Hello"}),
    ("v1/messages", {**CHAT, "max_tokens": 9}),
    ("api/generate", PROMPT),
    ("api/chat", CHAT),
    ("v1/extract", {"model": "echo", "text": "Hello"}),
]
STREAMS = [
    ("v1/chat/completions", {**CHAT, "stream": True}),
    ("v1/chat/completions", {**CHAT, "stream": True, "n": 3}),
    ("v1/chat/completions", {**CHAT, "stream": True, "resumable": True}),
    ("v1/completions", {**PROMPT, "stream": True, "prompt": ["a", "b"]}),
    ("v1/responses", {"model": "echo", "input": "Hello", "stream": True}),
    ("v1/messages", {**CHAT, "max_tokens": 9, "stream": True}),
    ("api/generate/stream", PROMPT),
    ("api/chat/stream", CHAT),
]


@pytest.fixture(autouse=True)
def _dying(script: Script) -> None:
    script.error = EngineDiedError(WHAT)


def error_in(event: dict[str, Any]) -> dict[str, Any]:
    """The error of a last event, wherever its API has it."""
    if event.get("type") == "response.failed":
        assert event["response"]["status"] == "failed"
        error: dict[str, Any] = event["response"]["error"]
        assert error["code"] == "server_error"
        return error
    assert event["error"]["code"] == "engine_died"
    return event["error"]


@pytest.mark.parametrize(("path", "body"), ROUTES)
async def test_a_whole_answer_is_an_error(
    call: Call, script: Script, path: str, body: dict[str, Any]
) -> None:
    answer = await call(path, body)

    assert answer.status == 502
    error = answer.json["error"]
    assert (error["code"], error["message"]) == ("engine_died", WHAT)
    assert answer.json.get("type") == ("error" if path == "v1/messages" else None)
    assert script.num_running == 0


@pytest.mark.parametrize(("path", "body"), STREAMS)
async def test_a_stream_ends_with_the_error(
    call: Call, script: Script, path: str, body: dict[str, Any]
) -> None:
    answer = await call(path, body)

    assert answer.status == 200
    assert len(answer.events) > 1
    assert "[DONE]" not in answer.events
    assert error_in(answer.events[-1])["message"] == WHAT
    assert script.num_running == 0


@pytest.mark.parametrize(("path", "body"), ROUTES[:2])
async def test_its_place_in_the_queue_is_free_again(
    call: Call, script: Script, path: str, body: dict[str, Any]
) -> None:
    for _ in range(3):
        assert (await call(path, body)).status == 502
    script.error = None
    assert (await call(path, body)).status == 200


async def test_a_response_that_failed_is_not_kept(call: Call) -> None:
    answer = await call("v1/responses", {"model": "echo", "input": "Hello", "stream": True})
    failed = answer.events[-1]["response"]["id"]

    assert (await call(f"v1/responses/{failed}")).status == 404
