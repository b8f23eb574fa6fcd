"""The last token that a context holds, and the one too many, on the routes of OpenAI's text."""

from __future__ import annotations

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
