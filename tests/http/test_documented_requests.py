"""Requests as the documents of the united servers have them, sent as they are, by curl."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from live import LiveServer

if TYPE_CHECKING:
    from collections.abc import Iterator

TINY_LLAMA = "TinyLlama/TinyLlama-1.1B-Chat-v1.0"

pytestmark = pytest.mark.skipif(not shutil.which("curl"), reason="needs curl")


@pytest.fixture(scope="module")
def server() -> Iterator[LiveServer]:
    aliases = f'{{"{TINY_LLAMA}": "guide"}}'
    with LiveServer(
        f"--LLMExtension.model_aliases={aliases}", "--LLMExtension.default_model=guide"
    ) as server:
        yield server


def curl(server: LiveServer, path: str, body: str) -> str:
    """What curl prints; an error of HTTP fails the test."""
    return subprocess.run(
        [
            *("curl", "-sS", "-N", "--fail-with-body", "-X", "POST", f"{server.url}{path}"),
            *("-H", "Content-Type: application/json", "-d", body),
            *("-H", f"Authorization: Bearer {server.token}"),
        ],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    ).stdout


def events(output: str) -> list[Any]:
    data = [line.removeprefix("data: ") for line in output.splitlines() if line]
    assert data.pop() == "[DONE]"
    return [json.loads(item) for item in data]


def test_text_generation(server: LiveServer) -> None:
    body = """{
        "prompt": "Explain machine learning in simple terms.",
        "model": "TinyLlama/TinyLlama-1.1B-Chat-v1.0",
        "max_tokens": 256,
        "temperature": 0.7
      }"""
    answer = json.loads(curl(server, "/api/generate", body))

    assert answer["text"]
    assert 0 < answer["usage"]["completion_tokens"] <= 256


def test_streaming_generation(server: LiveServer) -> None:
    body = """{
        "prompt": "Write a haiku about coding.",
        "model": "TinyLlama/TinyLlama-1.1B-Chat-v1.0"
      }"""
    *parts, last = events(curl(server, "/api/generate/stream", body))

    assert "".join(part["text"] for part in parts)
    assert last["finish_reason"] in {"stop", "length"}


CHAT = """{
    "model": "TinyLlama/TinyLlama-1.1B-Chat-v1.0",
    "messages": [
      {"role": "user", "content": "Hello!"}
    ]
  }"""


def test_chat_completion(server: LiveServer) -> None:
    answer = json.loads(curl(server, "/api/chat", CHAT))

    assert answer["message"]["role"] == "assistant"
    assert answer["message"]["content"]


def test_streaming_chat_completion(server: LiveServer) -> None:
    *parts, last = events(curl(server, "/api/chat/stream", CHAT))

    assert "".join(part["message"]["content"] for part in parts)
    assert last["usage"]["completion_tokens"] > 0


def test_chat_without_a_model(server: LiveServer) -> None:
    body = """{
        "messages": [
          {"role": "system", "content": "Tu es un assistant concis."},
          {"role": "user", "content": "Explique Gemma 3 270M en 2 phrases."}
        ],
        "stream": true,
        "temperature": 0.2,
        "top_p": 0.95,
        "top_k": 64
      }"""
    chunks = events(curl(server, "/v1/chat/completions", body))

    assert "".join(chunk["choices"][0]["delta"].get("content") or "" for chunk in chunks)


def test_extraction(server: LiveServer) -> None:
    body = """{
        "text": "We introduce NuExtract 2.0 ...",
        "schema": {
          "type": "object",
          "properties": {
            "model_name": {"type": "string"},
            "model_version": {"type": "string"},
            "model_description": {"type": "string"}
          }
        },
        "temperature": 0.0
      }"""
    answer = json.loads(curl(server, "/v1/extract", body))

    assert answer["data"] is None or isinstance(answer["data"], dict)
    assert answer["finish_reason"] == ("length" if answer["data"] is None else "stop")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (
            "/v1/chat/completions",
            {"model": "guide", "messages": [{"role": "user", "content": "a"}]},
        ),
        ("/v1/completions", {"model": "guide", "prompt": "To load", "max_tokens": 8}),
        ("/v1/embeddings", {"model": "guide", "input": "Hello!"}),
    ],
)
def test_routes_that_are_openais(server: LiveServer, path: str, body: dict[str, Any]) -> None:
    answer = json.loads(curl(server, path, json.dumps(body)))

    assert answer["usage"]["prompt_tokens"] > 0
