"""Several users at one model, with the echo engine: it takes its time and computes nothing."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing, asynccontextmanager
from statistics import median
from typing import TYPE_CHECKING, Any

import pytest
from machine_memory import pool_of
from stage import scenario

from jupyter_llm.engines.echo.engine import EchoEngine
from jupyter_llm.errors import OverloadedError, TooManyRequestsError
from jupyter_llm.manager.manager import ModelManager
from jupyter_llm.manager.settings import ManagerSettings
from jupyter_llm.types import GenerationRequest, LoadOptions

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

DELAY_S = 0.01
LONG, SHORT = "word " * 300, "one two three"


@asynccontextmanager
async def echo(**settings: Any) -> AsyncIterator[ModelManager]:
    manager = ModelManager(
        settings=ManagerSettings(**settings),
        find_engine=lambda _name: lambda: EchoEngine(delay_s=DELAY_S),
        pool=pool_of(1 << 40),
    )
    try:
        await manager.load("echo")
        yield manager
    finally:
        await manager.stop()


def request(user: str, prompt: str) -> GenerationRequest:
    return GenerationRequest(id=user, model_id="echo", prompt=prompt, user=user)


async def first_token_s(manager: ModelManager, user: str) -> float:
    """Seconds to the first token of a short answer, which is then read to its end."""
    began_at = time.perf_counter()
    async with aclosing(manager.generate(request(user, SHORT))) as chunks:
        times = [time.perf_counter() - began_at async for _ in chunks]
    return times[0]


async def read(manager: ModelManager, user: str, prompt: str, counts: dict[str, int]) -> None:
    async with aclosing(manager.generate(request(user, prompt))) as chunks:
        async for chunk in chunks:
            counts[user] = counts.get(user, 0) + bool(chunk.text)


@scenario
async def test_short_requests_are_as_quick_beside_64_long_ones_of_another_user() -> None:
    async with echo() as manager:
        alone = [await first_token_s(manager, "light") for _ in range(20)]
        counts: dict[str, int] = {}
        heavy = [asyncio.create_task(read(manager, "heavy", LONG, counts)) for _ in range(64)]
        await asyncio.sleep(5 * DELAY_S)
        beside = [await first_token_s(manager, "light") for _ in range(20)]
        assert not any(task.done() for task in heavy)
        # two steps more than alone, where waiting for a slot would be three hundred
        assert median(beside) <= 2 * median(alone) + 2 * DELAY_S
        for task in heavy:
            task.cancel()


@scenario
async def test_four_users_who_want_the_same_have_the_same() -> None:
    async with echo(default_options=LoadOptions(slots=6)) as manager:
        counts: dict[str, int] = {}
        asked = [
            asyncio.create_task(read(manager, user, "word " * 20, counts))
            for user in "abcd"
            for _ in range(40)
        ]
        await asyncio.wait(asked, timeout=3)
        shares = list(counts.values())
        for task in asked:
            task.cancel()
        await asyncio.gather(*asked, return_exceptions=True)
        assert sum(shares) ** 2 / (4 * sum(share**2 for share in shares)) >= 0.98


@scenario
async def test_at_ten_times_the_load_nothing_is_lost_and_every_refusal_says_when_to_come_back() -> (
    None
):
    settings = {"max_queued_requests": 12, "max_queued_requests_per_user": 5}
    async with echo(default_options=LoadOptions(slots=4), **settings) as manager:
        counts: dict[str, int] = {}
        asked = [
            asyncio.create_task(read(manager, f"user {number % 5}", SHORT, counts))
            for number in range(160)
        ]
        ends = await asyncio.gather(*asked, return_exceptions=True)
        answered = [end for end in ends if end is None]
        refused = [end for end in ends if end is not None]
        assert len(answered) == 16
        assert sum(counts.values()) == 16 * 3
        for end in refused:
            assert isinstance(end, OverloadedError | TooManyRequestsError)
            assert end.retry_after_s is not None
            assert end.retry_after_s >= 1
        assert {type(end) for end in refused} <= {OverloadedError, TooManyRequestsError}
        assert manager.loaded()[0].stats.num_waiting == 0


@pytest.mark.slow
@scenario
async def test_nothing_is_lost_in_half_a_minute_of_overload() -> None:
    async with echo(max_queued_requests=30, max_queued_requests_per_user=10) as manager:
        counts: dict[str, int] = {}
        answered = refused = 0
        deadline = time.monotonic() + 30

        async def ask(user: str) -> None:
            nonlocal answered, refused
            while time.monotonic() < deadline:
                try:
                    await read(manager, user, "word " * 9 + "word", counts)
                    answered += 1
                except (OverloadedError, TooManyRequestsError) as error:
                    refused += bool(error.retry_after_s)
                    await asyncio.sleep(0.05)

        await asyncio.gather(*(ask(f"user {number % 8}") for number in range(120)))
        assert refused > answered > 100
        assert sum(counts.values()) == 10 * answered
        shares = list(counts.values())
        assert sum(shares) ** 2 / (8 * sum(share**2 for share in shares)) >= 0.98
