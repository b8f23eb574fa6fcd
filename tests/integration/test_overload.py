"""Ten times the load that a server takes: nothing is lost, and all are told when to come back."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import httpx
from guide_chat import QUESTIONS, chat, client, until_ready
from live import LiveServer

NUM_USERS = 4
NUM_SLOTS = 4
MAX_WAITING = 20
NUM_REQUESTS = 10 * (NUM_SLOTS + MAX_WAITING)
OPTIONS = (
    "--LLMExtension.preload=True",
    f"--LLMExtension.max_concurrent_requests={NUM_SLOTS}",
    f"--LLMExtension.max_queued_requests={MAX_WAITING}",
    f"--LLMExtension.max_queued_requests_per_user={MAX_WAITING // 2 - 2}",
)


@asynccontextmanager
async def users(server: LiveServer, number: int) -> AsyncIterator[list[httpx.AsyncClient]]:
    """A client for each of so many API keys."""
    async with AsyncExitStack() as stack:
        owner = await stack.enter_async_context(client(server))
        await until_ready(owner)
        found = []
        for name in range(number):
            made = await owner.post("api/admin/keys", json={"name": f"user {name}"})
            http = await stack.enter_async_context(client(server))
            http.headers["Authorization"] = f"Bearer {made.json()['key']}"
            found.append(http)
        yield found


async def test_at_ten_times_the_load_every_request_is_answered_or_told_when_to_come_back() -> None:
    first = Counter[int]()

    async def ask(http: httpx.AsyncClient, number: int) -> int:
        """Ask until it is answered, as a client does; returns the tokens of the answer."""
        body = chat(QUESTIONS[number % len(QUESTIONS)], max_tokens=8, ignore_eos=True)
        answer = await http.post("v1/chat/completions", json=body)
        first[answer.status_code] += 1
        while answer.status_code in (429, 503):
            assert answer.json()["error"]["code"] in ("rate_limit_exceeded", "overloaded")
            await asyncio.sleep(int(answer.headers["Retry-After"]))
            answer = await http.post("v1/chat/completions", json=body)
        assert answer.status_code == 200, answer.text
        return int(answer.json()["usage"]["completion_tokens"])

    with LiveServer(*OPTIONS) as server:
        async with users(server, NUM_USERS) as clients, asyncio.timeout(110):
            # every other request is the first user's, who is told to wait before the queue is full
            who = [clients[i % NUM_USERS if i % 2 else 0] for i in range(NUM_REQUESTS)]
            requests = (ask(http, number) for number, http in enumerate(who))
            num_tokens = await asyncio.gather(*requests)

    assert num_tokens == [8] * NUM_REQUESTS
    assert set(first) == {200, 429, 503}
    assert first[200] >= NUM_SLOTS
    assert first[429] + first[503] > NUM_REQUESTS // 2
