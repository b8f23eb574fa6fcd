"""Models that a switch sends to sleep, and that wake where others would be loaded."""

from __future__ import annotations

import asyncio
import math
import os
from collections import Counter
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from stage import Stage, scenario, stage, until, write_model
from troupe import Part

from jupyter_llm.engines import select
from jupyter_llm.errors import EngineDiedError
from jupyter_llm.hardware.cgroup import MemoryLimit
from jupyter_llm.hardware.devices import Reading
from jupyter_llm.hardware.kinds import CUDA, RAM
from jupyter_llm.hardware.pool import MemoryPool
from jupyter_llm.types import Device, GenerationRequest, LoadOptions, ModelState

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from troupe import ScriptedEngine

ASK = GenerationRequest(id="1", model_id="", prompt="hello")
LIGHT = Part(need_bytes=10, can_sleep=True)
TEXT = "0 1 2 "


@asynccontextmanager
async def asleep(folder: Path, *parts: Part, **settings: Any) -> AsyncIterator[Stage]:
    """Models of ten bytes each, of which `a` sleeps and `b` is active."""
    for name in "abc":
        write_model(folder / f"{name}.gguf")
    settings = {"models_dirs": (str(folder),), "default_model": "a"} | settings
    async with stage(*(parts or (LIGHT,)), **settings) as s:
        await s.manager.load("a", keep_alive_s=math.inf)
        await s.manager.switch("b", keep_alive_s=math.inf)
        await until(lambda: states(s) == {"b": "ready"})
        yield s


def states(s: Stage) -> dict[str, str]:
    return {status.model.id: status.state.value for status in s.manager.loaded()}


def promised_bytes(s: Stage) -> int:
    """What this server's models hold or are promised of the memory, asleep or not."""
    return sum(sum(claim.held.values()) for claim in s.pool._books._claims.values())


def first(s: Stage) -> ScriptedEngine:
    return s.troupe.engines[0]


@scenario
async def test_a_switch_back_wakes_what_the_switch_away_left(tmp_path: Path) -> None:
    async with asleep(tmp_path) as s:
        assert (first(s).num_unloads, promised_bytes(s)) == (0, 20)
        assert {one.model.id: one.state for one in await s.manager.models()}["a"] is (
            ModelState.UNLOADED
        )
        status = await s.manager.switch("a")
        assert (status.state, status.memory.total_bytes) == (ModelState.READY, 10)
        assert await s.text(ASK) == TEXT
        await until(lambda: states(s) == {"a": "ready"})
        assert (first(s).num_loads, first(s).num_wakes, len(s.troupe.engines)) == (1, 1, 2)
        await s.manager.switch("b")
        assert await s.text(ASK) == TEXT
        assert [engine.num_wakes for engine in s.troupe.engines] == [1, 1]
        await until(lambda: states(s) == {"b": "ready"})
        assert promised_bytes(s) == 20
    assert [engine.num_unloads for engine in s.troupe.engines] == [1, 1]
    assert promised_bytes(s) == 0


@scenario
async def test_switches_between_sleepers_drop_no_request(tmp_path: Path) -> None:
    async with asleep(tmp_path) as s:
        is_over = asyncio.Event()

        async def keep_asking() -> list[str]:
            answers = []
            while not is_over.is_set():
                answers.append(await s.text(ASK))
            return answers

        crowd = [asyncio.create_task(keep_asking()) for _ in range(4)]
        for number in range(20):
            name = "ab"[number % 2]
            await s.manager.switch(name)
            before = sum(engine.num_requests for engine in s.troupe.engines)
            await until(
                lambda before=before: (
                    sum(engine.num_requests for engine in s.troupe.engines) > before + 4
                )
            )
        is_over.set()
        answers = [answer for one in await asyncio.gather(*crowd) for answer in one]
        assert set(answers) == {TEXT}
        assert len(s.troupe.engines) == 2
        assert sum(engine.num_wakes for engine in s.troupe.engines) > 2


@scenario
async def test_an_unload_ends_what_sleeps(tmp_path: Path) -> None:
    async with asleep(tmp_path) as s:
        await s.manager.unload("a")
        assert (first(s).num_unloads, promised_bytes(s)) == (1, 10)
        await s.manager.switch("a")
        assert await s.text(ASK) == TEXT
        assert (first(s).num_wakes, len(s.troupe.engines)) == (0, 3)


@scenario
async def test_an_unload_of_what_a_user_loaded_does_not_let_it_sleep(tmp_path: Path) -> None:
    async with asleep(tmp_path) as s:
        await s.manager.unload("b")
        assert [engine.num_unloads for engine in s.troupe.engines] == [0, 1]
        assert promised_bytes(s) == 10


@scenario
async def test_an_unload_while_it_wakes_leaves_nothing(tmp_path: Path) -> None:
    gate = asyncio.Event()
    async with asleep(tmp_path, Part(need_bytes=10, can_sleep=True, wake_gate=gate)) as s:
        switch = asyncio.create_task(s.manager.switch("a"))
        await until(lambda: states(s).get("a") == "loading")
        await s.manager.unload("a")
        with pytest.raises(Exception, match="was unloaded before it was ready"):
            await switch
        assert first(s).num_unloads == 1
        # a promise that was on its way is taken back a moment later
        await until(lambda: promised_bytes(s) == 10)
        assert await s.text(ASK) == TEXT


@scenario
@pytest.mark.parametrize("error", [EngineDiedError("It was gone."), OSError("No memory.")])
async def test_what_does_not_wake_is_loaded_anew(tmp_path: Path, error: Exception) -> None:
    heavy = Part(need_bytes=10, can_sleep=True, wake_error=error)
    async with asleep(tmp_path, heavy, LIGHT) as s:
        assert (await s.manager.switch("a")).state is ModelState.READY
        assert await s.text(ASK) == TEXT
        assert (first(s).num_unloads, len(s.troupe.engines)) == (1, 3)
        await until(lambda: promised_bytes(s) == 20)


@scenario
async def test_what_does_not_fall_asleep_is_unloaded(tmp_path: Path) -> None:
    sleepless = Part(need_bytes=10, can_sleep=True, sleep_error=EngineDiedError("No."))
    async with asleep(tmp_path, sleepless) as s:
        assert (first(s).num_unloads, promised_bytes(s)) == (1, 10)


@scenario
async def test_without_room_to_sleep_it_is_unloaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(_need: object) -> None:
        pass

    async with asleep(tmp_path, LIGHT) as s:
        monkeypatch.setattr(s.pool, "reserve", full)
        s.manager._parts.instances.get("b").retire()  # type: ignore[union-attr]  # it is ready
        await until(lambda: s.troupe.engines[1].num_unloads == 1)
        await until(lambda: promised_bytes(s) == 10)


@scenario
async def test_what_dies_asleep_is_forgotten(tmp_path: Path) -> None:
    async with asleep(tmp_path) as s:
        first(s).die()
        await until(lambda: promised_bytes(s) == 10)
        assert first(s).num_unloads == 1
        await s.manager.switch("a")
        assert await s.text(ASK) == TEXT
        assert len(s.troupe.engines) == 3


@scenario
async def test_nobody_sleeps_for_longer_than_the_keep_alive(tmp_path: Path) -> None:
    async with asleep(tmp_path, keep_alive_s=0.01) as s:
        await until(lambda: promised_bytes(s) == 10)
        assert [engine.num_unloads for engine in s.troupe.engines] == [1, 0]


@scenario
async def test_who_sleeps_makes_room_before_who_was_used_later(tmp_path: Path) -> None:
    async with asleep(tmp_path, memory_budget_bytes=20) as s:
        await s.manager.load("c")
        assert states(s) == {"b": "ready", "c": "ready"}
        assert (first(s).num_unloads, promised_bytes(s)) == (1, 20)


@scenario
async def test_other_options_and_other_files_are_a_load(tmp_path: Path) -> None:
    async with asleep(tmp_path) as s:
        await s.manager.switch("a", LoadOptions(slots=7))
        assert (first(s).num_unloads, s.engine.options) == (1, LoadOptions(slots=7))
        await until(lambda: states(s) == {"a": "ready"})
        os.utime(tmp_path / "b.gguf", ns=(1, 1))
        await s.manager.switch("b")
        assert await s.text(ASK) == TEXT
        assert [engine.num_wakes for engine in s.troupe.engines] == [0] * 4
        await until(lambda: states(s) == {"b": "ready"})
        assert promised_bytes(s) == 20


class Graphics:
    """A machine whose GPU of fifteen bytes shows what engines hold that are awake."""

    def __init__(self) -> None:
        self.stage: Stage | None = None
        self.pool = MemoryPool(read=self._read)

    def _read(self) -> Reading:
        engines = self.stage.troupe.engines if self.stage else []
        used = sum(engine.part.need_bytes for engine in engines if engine.is_loaded)
        gpu = Device(
            id="gpu", kind=CUDA, name="GPU", total_bytes=15, used_bytes=used, own_bytes=used
        )
        ram = Device(id=RAM, kind=RAM, name="RAM", total_bytes=99, used_bytes=0, own_bytes=0)
        limit = MemoryLimit(limit_bytes=99, used_bytes=0)
        return Reading(devices=(ram, gpu), limits=(limit,))

    def held(self) -> dict[str, int]:
        """What is held of each device."""
        held = Counter[str]()
        for claim in self.pool._books._claims.values():
            held.update(claim.held)
        return {name: size for name, size in held.items() if size}


@scenario
@pytest.mark.parametrize(("budget", "sleeps"), [(0, True), (20, True), (15, False)])
async def test_who_makes_room_on_a_gpu_sleeps_in_ram(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, budget: int, sleeps: bool
) -> None:
    monkeypatch.setattr(select, "device_of", lambda _name: CUDA)
    write_model(tmp_path / "a.gguf")
    write_model(tmp_path / "b.gguf")
    graphics = Graphics()
    own = {"models_dirs": (str(tmp_path),), "memory_budget_bytes": budget}
    async with stage(LIGHT, pool=graphics.pool, **own) as s:
        graphics.stage = s
        await s.manager.switch("a")
        assert graphics.held() == {"gpu": 10}
        other = {RAM: 10} if sleeps else {}
        await s.manager.switch("b")
        assert states(s) == {"b": "ready"}
        assert graphics.held() == {"gpu": 10, **other}
        await s.manager.switch("a")
        assert await s.text(ASK) == TEXT
        assert graphics.held() == {"gpu": 10, **other}
        assert [engine.num_wakes for engine in s.troupe.engines] == ([1, 0] if sleeps else [0] * 3)
    assert graphics.held() == {}
