"""The last token that a context holds, and the one too many, on every route that reads text."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from guide_chat import chat, client, until_ready
from live import LiveServer

LENGTH = 512


@pytest.fixture(scope="module")
def small_server() -> Any:
    options = ("--LLMExtension.preload=True", f"--LLMExtension.context_length={LENGTH}")
    with LiveServer(*options) as server:
        yield server


async def _ask(http: httpx.AsyncClient, body: dict[str, Any]) -> httpx.Response:
    path = "v1/chat/completions" if "messages" in body else "v1/completions"
    return await http.post(path, json={"ignore_eos": True, **body})


def _is_refused(reply: httpx.Response, param: str, num_tokens: int) -> bool:
    error = reply.json()["error"]
    assert (reply.status_code, error["code"]) == (400, "context_length_exceeded")
    assert str(LENGTH) in error["message"]
    assert str(num_tokens) in error["message"]
    return bool(error["param"] == param)


async def test_of_token_ids(small_server: LiveServer) -> None:
    async with client(small_server) as http:
        await until_ready(http)
        for stream in (False, True):
            body = {"model": "guide", "max_tokens": 4, "stream": stream}
            fits = await _ask(http, {**body, "prompt": [300] * (LENGTH - 1)})
            assert fits.status_code == 200
            assert '"length"' in fits.text
            for num_tokens in (LENGTH, LENGTH + 1):
                reply = await _ask(http, {**body, "prompt": [300] * num_tokens})
                assert _is_refused(reply, "prompt", num_tokens)
        scored = {"model": "guide", "max_tokens": 0, "echo": True, "logprobs": 0}
        whole = (await _ask(http, {**scored, "prompt": [300] * LENGTH})).json()
        assert len(whole["choices"][0]["logprobs"]["tokens"]) == LENGTH
        reply = await _ask(http, {**scored, "prompt": [300] * (LENGTH + 1)})
        assert _is_refused(reply, "prompt", LENGTH + 1)


async def test_of_one_of_several_prompts(small_server: LiveServer) -> None:
    async with client(small_server) as http:
        await until_ready(http)
        body = {"model": "guide", "prompt": [[300], [300] * LENGTH], "n": 2, "max_tokens": 400}
        assert _is_refused(await _ask(http, body), "prompt", LENGTH)


async def test_of_a_conversation(small_server: LiveServer) -> None:
    async with client(small_server) as http:
        await until_ready(http)
        question = "x" * (LENGTH // 2)
        while (reply := await _ask(http, chat(question, max_tokens=9))).status_code == 200:
            usage = reply.json()["usage"]
            room = LENGTH - usage["prompt_tokens"]
            assert usage["completion_tokens"] == min(9, room)
            question += " x" * max(room // 3, 1)
        assert _is_refused(reply, "messages", LENGTH + max(0, _more_than_context(reply)))


def _more_than_context(reply: httpx.Response) -> int:
    """By how many tokens the prompt is said to be longer than the context."""
    said = reply.json()["error"]["message"].split(" has ")[1].split()[0]
    return int(said) - LENGTH


async def test_a_bound_beyond_the_room_is_no_error(small_server: LiveServer) -> None:
    async with client(small_server) as http:
        await until_ready(http)
        body = {"model": "guide", "prompt": [300] * (LENGTH - 7), "max_tokens": 10**6}
        whole = (await _ask(http, body)).json()
    assert whole["usage"]["completion_tokens"] == 7
    assert whole["choices"][0]["finish_reason"] == "length"


_SAYS = {"role": "user"}
ROUTES: dict[str, Callable[[str], dict[str, Any]]] = {
    "v1/chat/completions": lambda text: {"messages": [{**_SAYS, "content": text}]},
    "v1/completions": lambda text: {"prompt": text},
    "v1/responses": lambda text: {"input": text, "store": False},
    "v1/messages": lambda text: {"messages": [{**_SAYS, "content": text}], "max_tokens": 3},
    "v1/extract": lambda text: {"text": text},
    "v1/embeddings": lambda text: {"input": text, "encoding_format": "float"},
    "api/generate": lambda text: {"prompt": text},
    "api/generate/stream": lambda text: {"prompt": text},
    "api/chat": lambda text: {"messages": [{**_SAYS, "content": text}]},
    "api/chat/stream": lambda text: {"messages": [{**_SAYS, "content": text}]},
}
# Anthropic counts tokens from the cache apart
_NUM_READ = re.compile(r'"(?:prompt_tokens|input_tokens|cache_read_input_tokens)": ?(\d+)')


@pytest.mark.parametrize("route", ROUTES)
async def test_of_every_route(small_server: LiveServer, route: str) -> None:
    async def ask(num_words: int) -> httpx.Response:
        return await http.post(
            route, json={"model": "guide", **ROUTES[route]("a" + " model" * num_words)}
        )

    async with client(small_server) as http:
        await until_ready(http)
        first = await ask(0)
        assert first.status_code == 200, first.text
        num_others = sum(map(int, _NUM_READ.findall(first.text)))
        # what is only read needs no room for an answer
        room = LENGTH - num_others - (0 if route == "v1/embeddings" else 1)
        assert (await ask(room)).status_code == 200
        refused = await ask(room + 1)

    assert refused.status_code == 400, refused.text
    error = refused.json()["error"]
    assert error["code"] == "context_length_exceeded"
    assert {str(LENGTH), str(room + 1 + num_others)} <= set(re.findall(r"\d+", error["message"]))
