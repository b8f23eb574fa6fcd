"""Several answers to one call over HTTP: what the prompt costs them together."""

from __future__ import annotations

import json
from typing import Any

import httpx
from guide_chat import chat, client
from live import LiveServer


async def test_usage_says_the_same_of_the_cache_streamed_or_not(guide_server: LiveServer) -> None:
    body = {"model": "guide", "prompt": "How do I load a model?" * 9, "n": 3, "max_tokens": 4}
    async with client(guide_server) as http:
        for path, asked in (
            ("v1/completions", body),
            ("v1/completions", {**body, "prompt": [body["prompt"], "The guide " * 40]}),
            ("v1/chat/completions", chat("And now? " * 30, n=2, max_tokens=3, seed=1)),
        ):
            before = (await _whole(http, path, asked))["usage"]
            whole = (await _whole(http, path, asked))["usage"]
            streamed = await _streamed_usage(http, path, asked)
            assert streamed == whole
            cached = whole["prompt_tokens_details"]["cached_tokens"]
            assert before["prompt_tokens_details"]["cached_tokens"] < cached
            assert cached < whole["prompt_tokens"] == before["prompt_tokens"]


async def test_a_shared_prompt_is_computed_once(guide_server: LiveServer) -> None:
    body = {"model": "guide", "prompt": "Once and for all. " * 40, "n": 8, "max_tokens": 2}
    async with client(guide_server) as http:
        before = await _computed(http)
        usage = (await _whole(http, "v1/completions", body))["usage"]
        computed = await _computed(http) - before
    assert usage["prompt_tokens"] > 100
    assert computed < usage["prompt_tokens"] + 2 * 8


async def _computed(http: httpx.AsyncClient) -> float:
    """Prompt tokens that were computed so far."""
    name = "jupyter_llm_prompt_tokens_total"
    lines = (await http.get("metrics")).text.splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name + "{"))


async def _whole(http: httpx.AsyncClient, path: str, body: dict[str, Any]) -> dict[str, Any]:
    reply = await http.post(path, json=body)
    assert reply.status_code == 200, reply.text
    found: dict[str, Any] = reply.json()
    return found


async def _streamed_usage(http: httpx.AsyncClient, path: str, body: dict[str, Any]) -> Any:
    asked = {**body, "stream": True, "stream_options": {"include_usage": True}}
    reply = await http.post(path, json=asked)
    assert reply.status_code == 200, reply.text
    *_, last, done = [line for line in reply.text.splitlines() if line.startswith("data: ")]
    assert done == "data: [DONE]"
    return json.loads(last.removeprefix("data: "))["usage"]
