"""Two notebook servers on one machine, each with its manager, and memory for one model."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from node import Server
from stage import QUICK, scenario, write_model
from world import MODEL_BYTES, Machine

from jupyter_llm.errors import InsufficientMemoryError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@asynccontextmanager
async def two_servers(folder: Path) -> AsyncIterator[tuple[Server, Server]]:
    (folder / "models").mkdir()
    for name in "abc":
        write_model(folder / "models" / f"{name}.gguf")
    machine = Machine(total_bytes=MODEL_BYTES + MODEL_BYTES // 2)
    first, second = (Server(folder, machine, restart=QUICK) for _ in range(2))
    try:
        yield first, second
    finally:
        await first.stop()
        await second.stop()


@scenario
async def test_only_one_of_two_servers_loads_where_there_is_room_for_one(tmp_path: Path) -> None:
    async with two_servers(tmp_path) as (first, second):
        ends = await asyncio.gather(
            first.manager.load("a"), second.manager.load("b"), return_exceptions=True
        )
        assert sorted(isinstance(end, InsufficientMemoryError) for end in ends) == [False, True]
        assert first.world.machine.most_bytes == MODEL_BYTES


@scenario
async def test_what_one_server_gives_back_another_may_have(tmp_path: Path) -> None:
    async with two_servers(tmp_path) as (first, second):
        await first.manager.load("a")
        with pytest.raises(InsufficientMemoryError):
            await second.manager.load("b")
        await first.manager.unload("a")
        await second.manager.load("b")
        # its own models make room as ever
        await second.manager.load("c")
        assert [status.model.id for status in second.manager.loaded()] == ["c"]


@scenario
async def test_a_load_that_fails_or_is_stopped_keeps_nothing(tmp_path: Path) -> None:
    async with two_servers(tmp_path) as (first, second):
        first.world.failing.add("a")
        with pytest.raises(Exception, match="It broke"):
            await first.manager.load("a")
        await second.manager.load("b")
        await second.manager.unload("b")
        for pause_s in (0.0, 0.001, 0.002, 0.003, 0.005, 0.008):
            loading = asyncio.create_task(first.manager.load("a"))
            await asyncio.sleep(pause_s)
            await first.manager.unload("a")
            await asyncio.wait({loading})
            await second.manager.load("b")
            await second.manager.unload("b")
