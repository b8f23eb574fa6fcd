"""The manager over real child processes."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

import psutil
import pytest
from stage import scenario, until

from jupyter_llm.engines.host.engine import HostedEngine
from jupyter_llm.errors import EngineDiedError
from jupyter_llm.manager.manager import ModelManager
from jupyter_llm.manager.settings import ManagerSettings
from jupyter_llm.types import GenerationRequest, ModelState, TokenChunk

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

LONG = GenerationRequest(id="1", model_id="echo", prompt="word " * 4000)
SHORT = GenerationRequest(id="1", model_id="echo", prompt="hello")


@asynccontextmanager
async def hosting() -> AsyncIterator[ModelManager]:
    manager = ModelManager(
        settings=ManagerSettings(), find_engine=lambda name: partial(HostedEngine, name)
    )
    try:
        yield manager
    finally:
        await manager.stop()


def engines() -> list[psutil.Process]:
    children = psutil.Process().children()
    return [child for child in children if "jupyter_llm.engines.host.child" in child.cmdline()]


async def rest(stream: AsyncGenerator[TokenChunk, None]) -> list[TokenChunk]:
    return [chunk async for chunk in stream]


async def text(manager: ModelManager, request: GenerationRequest) -> str:
    return "".join([chunk.text async for chunk in manager.generate(request)])


@scenario
async def test_a_killed_engine_ends_its_streams_and_is_back_within_ten_seconds() -> None:
    async with hosting() as manager:
        streams = [manager.generate(LONG) for _ in range(8)]
        for stream in streams:
            await anext(stream)
        (engine,) = engines()
        os.kill(engine.pid, signal.SIGKILL)
        killed_at = time.monotonic()
        for stream in streams:
            with pytest.raises(EngineDiedError, match="SIGKILL"):
                await rest(stream)
        await until(lambda: manager.loaded()[0].state is not ModelState.READY)
        assert await text(manager, SHORT) == "hello"
        assert time.monotonic() - killed_at < 10
        (successor,) = engines()
        assert successor.pid != engine.pid


@scenario
async def test_an_engine_killed_while_nobody_asks_comes_back_by_itself() -> None:
    async with hosting() as manager:
        await manager.load("echo")
        os.kill(engines()[0].pid, signal.SIGABRT)
        await until(lambda: manager.loaded()[0].state is not ModelState.READY)
        await until(lambda: manager.loaded()[0].state is ModelState.READY)


@scenario
async def test_unload_and_stop_leave_no_process_behind() -> None:
    async with hosting() as manager:
        await manager.load("echo")
        assert len(engines()) == 1
        await manager.unload("echo")
        assert engines() == []
        await manager.load("echo")
    assert engines() == []


@scenario
@pytest.mark.parametrize("num_turns", [0, 1, 2, 4, 8, 16, 32, 64])
async def test_a_load_that_is_unloaded_half_way_leaves_no_process_behind(num_turns: int) -> None:
    async with hosting() as manager:
        load = asyncio.create_task(manager.load("echo"))
        await until(lambda: len(engines()) == 1)
        for _ in range(num_turns):
            await asyncio.sleep(0)
        await manager.unload("echo")
        assert engines() == []
        await asyncio.wait({load})
        assert load.exception() is not None
