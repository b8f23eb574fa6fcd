from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from stage import Stage, scenario, stage, until, write_model
from troupe import Part

from jupyter_llm.errors import InsufficientMemoryError, OverloadedError
from jupyter_llm.manager.settings import EvictionPolicy
from jupyter_llm.types import GenerationRequest, ModelState

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

HASTY = EvictionPolicy(patience_s=0.05, max_wait_s=5.0)


@asynccontextmanager
async def three_models(
    folder: Path, *parts: Part, budget: int = 20, **settings: Any
) -> AsyncIterator[Stage]:
    """Models `a`, `b` and `c` of ten bytes each, and a budget for two of them."""
    for name in "abc":
        write_model(folder / f"{name}.gguf")
    settings = {"models_dirs": (str(folder),), "memory_budget_bytes": budget} | settings
    async with stage(*(parts or (Part(need_bytes=10),)), **settings) as s:
        yield s


def ask(model: str, **fields: Any) -> GenerationRequest:
    return GenerationRequest(id="1", model_id=model, prompt="hello", **fields)


def in_memory(s: Stage) -> set[str]:
    return {status.model.id for status in s.manager.loaded() if status.state is ModelState.READY}


@scenario
async def test_the_model_used_longest_ago_makes_room(tmp_path: Path) -> None:
    async with three_models(tmp_path) as s:
        await s.text(ask("a"))
        await s.text(ask("b"))
        await s.text(ask("a"))
        await s.text(ask("c"))
        assert in_memory(s) == {"a", "c"}


@scenario
async def test_a_pinned_model_never_makes_room(tmp_path: Path) -> None:
    async with three_models(tmp_path, pinned_models=("a", "b")) as s:
        await s.text(ask("a"))
        await s.text(ask("b"))
        with pytest.raises(InsufficientMemoryError):
            await s.text(ask("c"))
        assert in_memory(s) == {"a", "b"}


@scenario
async def test_a_busy_model_is_waited_for(tmp_path: Path) -> None:
    gate = asyncio.Event()
    busy = Part(need_bytes=10, token_gate=gate)
    async with three_models(tmp_path, busy, busy, Part(need_bytes=10)) as s:
        running = [asyncio.create_task(s.text(ask(name))) for name in "ab"]
        await until(lambda: sum(engine.num_running for engine in s.troupe.engines) == 2)
        waiting = asyncio.create_task(s.text(ask("c")))
        await asyncio.sleep(0.05)
        assert in_memory(s) == {"a", "b"}
        gate.set()
        assert await waiting == "0 1 2 "
        assert await asyncio.gather(*running) == ["0 1 2 "] * 2


@scenario
async def test_a_model_that_is_always_busy_does_not_keep_another_out(tmp_path: Path) -> None:
    parts = [Part(need_bytes=10, num_tokens=10)]
    async with three_models(tmp_path, *parts, budget=10, eviction=HASTY) as s:
        answers: list[str] = []

        async def crowd() -> None:
            while len(answers) < 400:
                answers.append(await s.text(ask("a")))

        crowds = [asyncio.create_task(crowd()) for _ in range(4)]
        await until(lambda: len(answers) > 8)
        async with asyncio.timeout(5):
            assert (await s.text(ask("b"))).startswith("0 1")
        await asyncio.gather(*crowds)
        assert all(answer.startswith("0 1") for answer in answers)


@scenario
async def test_a_load_gives_up_in_the_end_and_the_busy_model_takes_requests_again(
    tmp_path: Path,
) -> None:
    gate = asyncio.Event()
    part = Part(need_bytes=10, token_gate=gate)
    policy = EvictionPolicy(patience_s=0.02, max_wait_s=0.1)
    async with three_models(tmp_path, part, budget=10, eviction=policy) as s:
        running = asyncio.create_task(s.text(ask("a")))
        await until(lambda: len(s.troupe.engines) == 1 and s.engine.num_running == 1)
        with pytest.raises(OverloadedError, match="busy") as refused:
            await s.text(ask("b"))
        assert refused.value.retry_after_s
        gate.set()
        assert await running == "0 1 2 "
        assert await s.text(ask("a")) == "0 1 2 "


@scenario
async def test_an_idle_model_leaves_after_its_keep_alive(tmp_path: Path) -> None:
    async with three_models(tmp_path, keep_alive_s=0.05, pinned_models=("b",)) as s:
        await s.text(ask("a"))
        await s.manager.load("b")
        await until(lambda: in_memory(s) == {"b"})
        await asyncio.sleep(0.1)
        assert in_memory(s) == {"b"}


@scenario
async def test_a_request_can_keep_its_model_or_send_it_away(tmp_path: Path) -> None:
    async with three_models(tmp_path) as s:
        await s.text(ask("a", keep_alive_s=0.0))
        await s.text(ask("b", keep_alive_s=60.0))
        await until(lambda: in_memory(s) == {"b"})


@scenario
async def test_a_keep_alive_that_ends_while_a_request_comes_loses_no_request(
    tmp_path: Path,
) -> None:
    async with three_models(tmp_path, keep_alive_s=0.001) as s:
        for number in range(100):
            await asyncio.sleep(0.0005 * (number % 5))
            assert await s.text(ask("a")) == "0 1 2 "
        assert len(s.troupe.engines) > 1
