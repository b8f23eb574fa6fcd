"""Two things at once that once went wrong, each made to happen."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from stage import Stage, scenario, stage, until, write_model
from troupe import Part

from jupyter_llm.errors import ModelLoadError
from jupyter_llm.manager.settings import EvictionPolicy
from jupyter_llm.types import GenerationRequest, ModelState

if TYPE_CHECKING:
    from pathlib import Path


def three_models(folder: Path, **settings: Any) -> dict[str, Any]:
    """Models of ten bytes each and a budget for two of them."""
    for name in "abc":
        write_model(folder / f"{name}.gguf")
    patient = EvictionPolicy(patience_s=60.0, max_wait_s=60.0)
    common = {"models_dirs": (str(folder),), "memory_budget_bytes": 20, "eviction": patient}
    return common | {"default_model": "a", "unload_timeout_s": 5.0} | settings


def states(s: Stage) -> dict[str, ModelState]:
    return {status.model.id: status.state for status in s.manager.loaded()}


@scenario
async def test_the_memory_of_a_dead_engine_counts_until_it_is_given_back(tmp_path: Path) -> None:
    given_back = asyncio.Event()
    parts = Part(need_bytes=10, unload_gate=given_back), Part(need_bytes=10)
    async with stage(*parts, **three_models(tmp_path, pinned_models=("b",))) as s:
        await s.manager.load("a")
        await s.manager.load("b")
        s.troupe.engines[0].die()
        await until(lambda: states(s)["a"] is ModelState.FAILED)
        load = asyncio.create_task(s.manager.load("c"))
        await asyncio.sleep(0.05)
        assert sum(engine.is_loaded for engine in s.troupe.engines) == 2
        given_back.set()
        assert (await load).state is ModelState.READY


@scenario
async def test_a_load_that_waits_for_room_can_be_ended(tmp_path: Path) -> None:
    gate = asyncio.Event()
    async with stage(Part(need_bytes=10, token_gate=gate), **three_models(tmp_path)) as s:
        busy = [asyncio.create_task(s.text(_ask(name))) for name in "ab"]
        await until(lambda: sum(engine.num_running for engine in s.troupe.engines) == 2)
        load = asyncio.create_task(s.manager.load("c"))
        await until(lambda: states(s).get("c") is ModelState.QUEUED)
        await asyncio.sleep(0.05)
        async with asyncio.timeout(1):
            await s.manager.unload("c")
        with pytest.raises(ModelLoadError, match="unloaded before it was ready"):
            await load
        assert "c" not in states(s)
        gate.set()
        assert await asyncio.gather(*busy) == ["0 1 2 ", "0 1 2 "]
        await asyncio.sleep(0.05)
        assert states(s) == {"a": ModelState.READY, "b": ModelState.READY}


@scenario
async def test_ending_a_load_does_not_end_the_unloads_that_it_waits_for(tmp_path: Path) -> None:
    given_back = asyncio.Event()
    parts = Part(need_bytes=10, unload_gate=given_back), Part(need_bytes=10)
    async with stage(*parts, **three_models(tmp_path)) as s:
        await s.manager.load("a")
        await s.manager.load("b")
        load = asyncio.create_task(s.manager.load("c"))
        await until(lambda: states(s)["a"] is ModelState.UNLOADING)
        await s.manager.unload("c")
        with pytest.raises(ModelLoadError):
            await load
        assert states(s) == {"a": ModelState.UNLOADING, "b": ModelState.READY}
        given_back.set()
        await until(lambda: states(s) == {"b": ModelState.READY})
        assert [engine.is_loaded for engine in s.troupe.engines[:2]] == [False, True]


@scenario
async def test_who_waits_for_a_load_waits_for_the_reload_that_replaces_it(tmp_path: Path) -> None:
    parts = Part(need_bytes=10, load_gate=asyncio.Event()), Part(need_bytes=10)
    async with stage(*parts, **three_models(tmp_path)) as s:
        load = asyncio.create_task(s.manager.load("a"))
        await until(lambda: bool(s.troupe.engines))
        reloaded = await s.manager.switch("a")
        assert reloaded.state is ModelState.READY
        assert (await load).state is ModelState.READY
        assert len(s.troupe.engines) == 2


@scenario
async def test_a_request_that_waits_for_an_unload_is_not_cut_by_a_reload(tmp_path: Path) -> None:
    given_back = asyncio.Event()
    parts = Part(need_bytes=10, unload_gate=given_back), Part(need_bytes=10), Part(need_bytes=10)
    async with stage(*parts, **three_models(tmp_path)) as s:
        await s.manager.load("a")
        unload = asyncio.create_task(s.manager.unload("a"))
        await until(lambda: states(s)["a"] is ModelState.UNLOADING)
        request = asyncio.create_task(s.text(_ask("a")))
        await asyncio.sleep(0.01)
        switch = asyncio.create_task(s.manager.switch("a"))
        await asyncio.sleep(0.01)
        given_back.set()
        assert await request == "0 1 2 "
        assert (await switch).state is ModelState.READY
        assert (await unload).state is ModelState.UNLOADED


def _ask(name: str) -> GenerationRequest:
    return GenerationRequest(id=name, model_id=name, prompt="hello")
