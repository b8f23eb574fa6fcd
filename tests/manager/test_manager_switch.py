from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from stage import Stage, scenario, stage, until, write_model
from troupe import Part

from jupyter_llm.errors import ModelLoadError, OverloadedError
from jupyter_llm.types import GenerationRequest, LoadOptions, ModelState

if TYPE_CHECKING:
    from pathlib import Path

ASK = GenerationRequest(id="1", model_id="", prompt="hello")


def settings(folder: Path) -> dict[str, Any]:
    write_model(folder / "a.gguf")
    write_model(folder / "b.gguf")
    return {"models_dirs": (str(folder),), "default_model": "a"}


def in_memory(s: Stage) -> set[str]:
    return {status.model.id for status in s.manager.loaded() if status.state is ModelState.READY}


@scenario
async def test_what_runs_finishes_on_the_old_model_and_what_comes_goes_to_the_new(
    tmp_path: Path,
) -> None:
    gate, loaded = asyncio.Event(), asyncio.Event()
    parts = Part(token_gate=gate), Part(load_gate=loaded, num_tokens=1)
    async with stage(*parts, **settings(tmp_path)) as s:
        running = asyncio.create_task(s.text(ASK))
        await until(lambda: len(s.troupe.engines) == 1 and s.engine.num_running == 1)
        switch = asyncio.create_task(s.manager.switch("b"))
        await until(lambda: len(s.troupe.engines) == 2 and s.engine.num_loads == 1)
        waiting = asyncio.create_task(s.text(ASK))
        await asyncio.sleep(0.02)
        assert not waiting.done()
        loaded.set()
        assert (await switch).model.id == "b"
        assert await waiting == "0 "
        assert in_memory(s) == {"a", "b"}
        gate.set()
        assert await running == "0 1 2 "
        await until(lambda: in_memory(s) == {"b"})


@scenario
async def test_a_switch_to_a_model_that_does_not_load_changes_nothing(tmp_path: Path) -> None:
    parts = Part(), Part(load_error=ModelLoadError("It broke."))
    async with stage(*parts, **settings(tmp_path)) as s:
        await s.manager.load("a")
        with pytest.raises(ModelLoadError, match="It broke"):
            await s.manager.switch("b")
        assert await s.text(ASK) == "0 1 2 "
        assert in_memory(s) == {"a"}


@scenario
async def test_a_switch_to_the_active_model_loads_it_anew_with_other_options(
    tmp_path: Path,
) -> None:
    gate = asyncio.Event()
    async with stage(Part(token_gate=gate), Part(num_tokens=1), **settings(tmp_path)) as s:
        running = asyncio.create_task(s.text(ASK))
        await until(lambda: len(s.troupe.engines) == 1 and s.engine.num_running == 1)
        reload = asyncio.create_task(s.manager.switch("a", LoadOptions(slots=7)))
        await asyncio.sleep(0.02)
        waiting = asyncio.create_task(s.text(ASK))
        await asyncio.sleep(0.02)
        assert len(s.troupe.engines) == 1
        gate.set()
        assert await running == "0 1 2 "
        assert (await reload).state is ModelState.READY
        assert await waiting == "0 "
        assert s.engine.options == LoadOptions(slots=7)


@scenario
async def test_a_reload_gives_up_when_the_model_stays_busy(tmp_path: Path) -> None:
    gate = asyncio.Event()
    async with stage(Part(token_gate=gate), drain_timeout_s=0.05, **settings(tmp_path)) as s:
        running = asyncio.create_task(s.text(ASK))
        await until(lambda: len(s.troupe.engines) == 1 and s.engine.num_running == 1)
        with pytest.raises(OverloadedError, match="not loaded anew"):
            await s.manager.switch("a")
        gate.set()
        assert await running == "0 1 2 "
        assert await s.text(ASK) == "0 1 2 "


@scenario
async def test_switching_back_keeps_the_model_that_was_to_leave(tmp_path: Path) -> None:
    gate = asyncio.Event()
    async with stage(Part(token_gate=gate), **settings(tmp_path)) as s:
        running = asyncio.create_task(s.text(ASK))
        await until(lambda: len(s.troupe.engines) == 1 and s.engine.num_running == 1)
        await s.manager.switch("b")
        await s.manager.switch("a")
        gate.set()
        await running
        await until(lambda: in_memory(s) == {"a"})
        assert len(s.troupe.engines) == 2


@scenario
async def test_a_hundred_switches_under_eight_streams_drop_nothing(tmp_path: Path) -> None:
    budget = {"memory_budget_bytes": 10, **settings(tmp_path)}
    async with stage(Part(need_bytes=10, num_tokens=5), **budget) as s:
        answers: list[str] = []
        is_over = False

        async def stream() -> None:
            while not is_over:
                answers.append(await s.text(ASK))

        streams = [asyncio.create_task(stream()) for _ in range(8)]
        for number in range(100):
            await s.manager.switch("ba"[number % 2])
        is_over = True
        await asyncio.gather(*streams)
        assert len(answers) > 100
        assert set(answers) == {"0 1 2 3 4 "}


@scenario
async def test_an_alias_is_another_name(tmp_path: Path) -> None:
    async with stage(aliases={"best": "b"}, **settings(tmp_path)) as s:
        assert (await s.manager.load("best")).model.id == "b"


@scenario
async def test_a_model_has_options_of_its_own(tmp_path: Path) -> None:
    own = {"b": LoadOptions(slots=5)}
    async with stage(model_options=own, **settings(tmp_path)) as s:
        await s.manager.load("b")
        assert s.engine.options == own["b"]
        await s.manager.load("a")
        assert s.engine.options == LoadOptions()


@scenario
async def test_a_request_is_refused_after_a_failed_load_and_a_load_tries_again(
    tmp_path: Path,
) -> None:
    parts = Part(load_error=ModelLoadError("It broke.")), Part()
    async with stage(*parts, **settings(tmp_path)) as s:
        with pytest.raises(ModelLoadError, match="It broke"):
            await s.text(ASK)
        with pytest.raises(ModelLoadError, match=r"It broke.*tried again in") as refused:
            await s.text(ASK)
        assert refused.value.retry_after_s
        assert len(s.troupe.engines) == 1
        await s.manager.load("a")
        assert await s.text(ASK) == "0 1 2 "
