"""A draft model by name, over HTTP, on the real engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from live import LiveServer

if TYPE_CHECKING:
    from collections.abc import Iterator

ASK = {
    "model": "guide",
    "messages": [{"role": "user", "content": "How do I load a model?"}],
    "temperature": 0,
    "max_tokens": 24,
}


@pytest.fixture(scope="module")
def server() -> Iterator[LiveServer]:
    with LiveServer() as server:
        yield server


def answer(server: LiveServer) -> tuple[str, Any]:
    said = server.json("v1/chat/completions", ASK)
    return said["choices"][0]["message"]["content"], said["usage"]["completion_tokens"]


def weights_bytes(server: LiveServer) -> int:
    listed = server.json("models")["data"]
    [guide] = [each for each in listed if each["model"]["id"] == "guide"]
    return int(guide["memory"]["weights_bytes"])


def test_answers_are_the_same_and_memory_is_that_of_both(server: LiveServer) -> None:
    bare, bare_bytes = answer(server), weights_bytes(server)
    server.json("reload", {"model": "guide", "draft_model": "guide"})
    assert answer(server) == bare
    assert weights_bytes(server) == 2 * bare_bytes
    server.json("reload", {"model": "guide", "draft_model": ""})
    assert answer(server) == bare
    assert weights_bytes(server) == bare_bytes


@pytest.mark.parametrize(
    ("name", "message"), [("guid", "Did you mean guide?"), ("echo", "same format")]
)
def test_what_cannot_guess_is_refused_by_name(server: LiveServer, name: str, message: str) -> None:
    error = server.json("reload", {"model": "guide", "draft_model": name})["error"]
    assert error["param"] == "draft_model"
    assert message in error["message"]
