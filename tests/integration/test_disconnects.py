from __future__ import annotations

import asyncio
import random

import httpx
from guide_chat import chat, client, until_ready
from live import LiveServer

NUM_CLIENTS = 200


async def test_clients_that_leave_at_random_moments_leave_nothing_behind(
    guide_server: LiveServer,
) -> None:
    rng = random.Random(1)
    async with client(guide_server) as http:
        await until_ready(http)
        async with asyncio.TaskGroup() as clients:
            for number in range(NUM_CLIENTS):
                clients.create_task(_leave_early(http, number, rng.uniform(0, 0.6)))
                await asyncio.sleep(rng.uniform(0, 0.02))
        await _until_idle(http)
        assert await _fills_the_whole_cache(http)


async def _leave_early(http: httpx.AsyncClient, number: int, after_s: float) -> None:
    """Long prompts and short ones, so that clients leave in prefill and in decode."""
    question = f"{number} " + "How do I load a model? " * (1 if number % 2 else 150)
    body = chat(question, stream=True, max_tokens=300, ignore_eos=True)
    try:
        async with (
            asyncio.timeout(after_s),
            http.stream("POST", "v1/chat/completions", json=body) as reply,
        ):
            async for _ in reply.aiter_bytes():
                pass
    except TimeoutError:
        return


async def _until_idle(http: httpx.AsyncClient) -> None:
    async with asyncio.timeout(20):
        while await _metric(http, "requests_running") or await _metric(http, "requests_waiting"):
            await asyncio.sleep(0.05)


async def _fills_the_whole_cache(http: httpx.AsyncClient) -> bool:
    """As many full contexts at once as the cache holds, and none in another's way."""
    (model,) = [m for m in (await http.get("models")).json()["data"] if m["model"]["id"] == "guide"]
    length = model["stats"]["context_length"]
    num_sequences = model["stats"]["num_kv_cells"] // length
    preempted = await _metric(http, "preemptions_total")
    bodies = [
        {"model": "guide", "prompt": [300 + n] * (length - 8), "max_tokens": 8, "ignore_eos": True}
        for n in range(num_sequences)
    ]
    replies = await asyncio.gather(*(http.post("v1/completions", json=body) for body in bodies))
    usages = [reply.json()["usage"]["total_tokens"] for reply in replies]
    assert usages == [length] * num_sequences
    return await _metric(http, "preemptions_total") == preempted


async def _metric(http: httpx.AsyncClient, name: str) -> float:
    lines = (await http.get("metrics")).text.splitlines()
    values = [line.rsplit(" ", 1)[1] for line in lines if line.startswith(f"jupyter_llm_{name}{{")]
    return sum(float(value) for value in values)
