from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest
from stage import scenario, stage, until, write_adapter, write_model
from troupe import Part

from jupyter_llm.engines import select
from jupyter_llm.errors import (
    EngineDiedError,
    EngineUnavailableError,
    InsufficientMemoryError,
    InvalidRequestError,
    LLMError,
    ModelFileError,
    ModelLoadError,
    ModelNotFoundError,
)
from jupyter_llm.types import LoadOptions, ModelState

if TYPE_CHECKING:
    from pathlib import Path


@scenario
async def test_a_load_tells_each_state_on_its_way() -> None:
    async with stage(Part(need_bytes=5)) as s:
        status = await s.manager.load("echo")
        assert status.state is ModelState.READY
        assert status.memory.total_bytes == 5
        assert status.stats.slots == 2
        assert s.states == ["queued", "loading", "ready"]
        assert [event.progress for event in s.events] == [0.0, 0.0, 0.5, 1.0]


@scenario
async def test_fifty_callers_share_one_load() -> None:
    gate = asyncio.Event()
    async with stage(Part(load_gate=gate)) as s:
        loads = [asyncio.create_task(s.manager.load("echo")) for _ in range(50)]
        await s.until_state(ModelState.LOADING)
        gate.set()
        statuses = await asyncio.gather(*loads)
        assert {status.state for status in statuses} == {ModelState.READY}
        assert [engine.num_loads for engine in s.troupe.engines] == [1]


@scenario
async def test_a_caller_that_leaves_does_not_stop_the_load() -> None:
    gate = asyncio.Event()
    async with stage(Part(load_gate=gate)) as s:
        leaves, stays = (asyncio.create_task(s.manager.load("echo")) for _ in range(2))
        await s.until_state(ModelState.LOADING)
        leaves.cancel()
        await asyncio.wait({leaves})
        gate.set()
        assert (await stays).state is ModelState.READY
        assert leaves.cancelled()


@scenario
async def test_the_load_goes_on_when_its_only_caller_leaves() -> None:
    gate = asyncio.Event()
    async with stage(Part(load_gate=gate)) as s:
        caller = asyncio.create_task(s.manager.load("echo"))
        await s.until_state(ModelState.LOADING)
        caller.cancel()
        gate.set()
        await s.until_state(ModelState.READY)


@scenario
async def test_a_failed_load_tells_all_its_callers_and_the_next_one_tries_again() -> None:
    gate = asyncio.Event()
    broken = Part(load_gate=gate, load_error=ModelFileError("Cut short."))
    async with stage(broken, Part()) as s:
        loads = [asyncio.create_task(s.manager.load("echo"))]
        await s.until_state(ModelState.LOADING)
        loads += [asyncio.create_task(s.manager.load("echo")) for _ in range(2)]
        await asyncio.sleep(0.01)
        gate.set()
        errors = await asyncio.gather(*loads, return_exceptions=True)
        assert [type(error) for error in errors] == [ModelFileError] * 3
        (failed,) = s.manager.loaded()
        assert (failed.state, failed.error) == (ModelState.FAILED, "Cut short.")
        assert s.troupe.engines[0].num_unloads >= 1
        assert (await s.manager.load("echo")).state is ModelState.READY
        assert len(s.troupe.engines) == 2


@scenario
async def test_an_error_of_unknown_kind_gets_the_models_name() -> None:
    async with stage(Part(load_error=RuntimeError("odd"))) as s:
        with pytest.raises(ModelLoadError, match="Loading echo failed: odd"):
            await s.manager.load("echo")


@scenario
async def test_a_load_that_takes_too_long_ends_with_an_error() -> None:
    async with stage(Part(load_gate=asyncio.Event()), load_timeout_s=0.05) as s:
        with pytest.raises(ModelLoadError, match="not loaded within"):
            await s.manager.load("echo")
        assert s.manager.loaded()[0].state is ModelState.FAILED


@scenario
async def test_a_model_that_would_not_fit_is_refused_before_it_is_loaded() -> None:
    async with stage(Part(need_bytes=3 << 30), free_bytes=1 << 30) as s:
        with pytest.raises(InsufficientMemoryError, match=r"3\.00 GiB.*1\.00 GiB is free.*fewer"):
            await s.manager.load("echo")
        assert s.engine.num_loads == 0


@scenario
async def test_memory_of_a_gpu_is_not_compared_with_the_systems(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(select, "device_of", lambda _name: "vulkan")
    async with stage(Part(need_bytes=3 << 30), free_bytes=1 << 30) as s:
        assert (await s.manager.load("echo")).state is ModelState.READY


@scenario
async def test_a_watch_that_fails_counts_as_a_death() -> None:
    async with stage() as s:
        await s.manager.load("echo")
        s.engine.watch_error = RuntimeError("odd")
        s.engine.die()
        await s.until_state(ModelState.FAILED)
        assert (await s.manager.load("echo")).state is ModelState.READY
        assert len(s.troupe.engines) == 2


@scenario
async def test_an_unload_that_raises_is_reported_by_its_reason() -> None:
    async with stage(Part(unload_error=RuntimeError("odd"))) as s:
        await s.manager.load("echo")
        with pytest.raises(EngineDiedError, match=r"did not end properly \(odd\)"):
            await s.manager.unload("echo")


@scenario
async def test_unload_does_not_interrupt_an_engine_that_gives_its_memory_back() -> None:
    gate = asyncio.Event()
    async with stage(Part(unload_gate=gate), unload_timeout_s=5) as s:
        await s.manager.load("echo")
        s.engine.die()
        await until(lambda: s.engine.num_unloads == 1)
        unload = asyncio.create_task(s.manager.unload("echo"))
        await s.until_state(ModelState.UNLOADING)
        gate.set()
        await unload
        assert (s.engine.num_unloads, s.engine.is_loaded) == (1, False)


@scenario
async def test_two_models_do_not_load_at_the_same_time(tmp_path: Path) -> None:
    gate = asyncio.Event()
    write_model(tmp_path / "small.gguf")
    async with stage(Part(load_gate=gate), Part(), models_dirs=(str(tmp_path),)) as s:
        first = asyncio.create_task(s.manager.load("echo"))
        await s.until_state(ModelState.LOADING)
        second = asyncio.create_task(s.manager.load("small"))
        await s.until_state(ModelState.QUEUED)
        assert len(s.troupe.engines) == 1
        gate.set()
        await asyncio.gather(first, second)
        assert [engine.num_loads for engine in s.troupe.engines] == [1, 1]


@scenario
async def test_loading_again_is_fine_unless_it_asks_for_something_else() -> None:
    async with stage(default_options=LoadOptions(slots=2)) as s:
        await s.manager.load("echo")
        for same in (None, LoadOptions(), LoadOptions(slots=2), LoadOptions(context_length=64)):
            assert (await s.manager.load("echo", same)).state is ModelState.READY
        with pytest.raises(InvalidRequestError, match=r"slots = 2, not 3\. Unload it") as refused:
            await s.manager.load("echo", LoadOptions(slots=3))
        assert refused.value.param == "slots"
        with pytest.raises(InvalidRequestError) as refused:
            await s.manager.load("echo", engine="other")
        assert refused.value.param == "engine"
        assert len(s.troupe.engines) == 1


@scenario
async def test_options_and_engine_reach_the_engine() -> None:
    async with stage(default_options=LoadOptions(slots=2)) as s:
        await s.manager.load("echo", LoadOptions(slots=7), engine="scripted")
        assert s.engine.options == LoadOptions(slots=7)
        assert s.troupe.names == ["scripted"]
        await s.manager.unload("echo")
        await s.manager.load("echo")
        assert s.engine.options == LoadOptions(slots=2)


@scenario
async def test_unload_frees_the_model_and_may_be_repeated() -> None:
    async with stage() as s:
        await s.manager.load("echo")
        first, second = await asyncio.gather(*(s.manager.unload("echo") for _ in range(2)))
        assert first.state is second.state is ModelState.UNLOADED
        assert s.engine.num_unloads == 1
        assert s.manager.loaded() == ()
        assert (await s.manager.unload("echo")).state is ModelState.UNLOADED
        assert s.states[-2:] == ["unloading", "unloaded"]


@scenario
async def test_unload_stops_a_load_in_flight() -> None:
    async with stage(Part(load_gate=asyncio.Event())) as s:
        load = asyncio.create_task(s.manager.load("echo"))
        await until(lambda: bool(s.troupe.engines))
        assert (await s.manager.unload("echo")).state is ModelState.UNLOADED
        with pytest.raises(ModelLoadError, match="unloaded before it was ready"):
            await load
        assert s.engine.num_unloads == 1
        assert not s.engine.is_loaded


@scenario
async def test_unload_frees_the_model_also_when_its_caller_leaves() -> None:
    async with stage() as s:
        await s.manager.load("echo")
        caller = asyncio.create_task(s.manager.unload("echo"))
        await asyncio.sleep(0)
        caller.cancel()
        await until(lambda: s.manager.loaded() == ())


@scenario
async def test_a_load_during_an_unload_waits_for_its_end_and_loads_anew() -> None:
    async with stage() as s:
        await s.manager.load("echo")
        _, status = await asyncio.gather(s.manager.unload("echo"), s.manager.load("echo"))
        assert status.state is ModelState.READY
        assert len(s.troupe.engines) == 2


@scenario
async def test_an_engine_that_does_not_end_is_reported_and_can_be_forgotten() -> None:
    async with stage(Part(deaf_in_unload=True), Part()) as s:
        await s.manager.load("echo")
        with pytest.raises(EngineDiedError, match=r"did not end properly \(not done within"):
            await s.manager.unload("echo")
        assert s.manager.loaded()[0].state is ModelState.FAILED
        assert (await s.manager.load("echo")).state is ModelState.READY


@scenario
@pytest.mark.parametrize("part", [Part(deaf_in_unload=True), Part(deaf_in_load=True)])
async def test_stop_is_bounded_when_the_engine_hangs(part: Part) -> None:
    async with stage(part, stop_timeout_s=0.3, unload_timeout_s=60) as s:
        load = asyncio.create_task(s.manager.load("echo"))
        await until(lambda: bool(s.troupe.engines and s.engine.num_loads))
        began = time.monotonic()
        await s.manager.stop()
        assert time.monotonic() - began < 2.5
        load.cancel()
        with pytest.raises(ModelLoadError, match="stopping"):
            await s.manager.load("echo")


@scenario
async def test_a_listener_that_raises_disturbs_nobody() -> None:
    async with stage() as s:
        s.manager._on_event = lambda _topic, _status: 1 / 0
        assert (await s.manager.load("echo")).state is ModelState.READY


@scenario
async def test_an_unknown_model_is_answered_with_close_names() -> None:
    async with stage() as s:
        with pytest.raises(ModelNotFoundError, match=r"'ecoh'.*Did you mean echo"):
            await s.manager.load("ecoh")


@scenario
async def test_a_missing_engine_says_how_to_get_it() -> None:
    async with stage() as s:
        s.troupe.missing = EngineUnavailableError("Not here: pip install it")
        with pytest.raises(EngineUnavailableError, match="pip install"):
            await s.manager.load("echo")


@scenario
async def test_lists_everything_on_disk_and_where_it_stands(tmp_path: Path) -> None:
    path = write_model(tmp_path / "small.gguf")
    async with stage(models_dirs=(str(tmp_path),)) as s:
        await s.manager.load(str(path))
        states = {status.model.id: status.state for status in await s.manager.models()}
        assert states["small"] is ModelState.READY
        assert states["echo"] is ModelState.UNLOADED
        path.unlink()
        assert (await s.manager.unload("small")).state is ModelState.UNLOADED
        assert "small" not in [status.model.id for status in await s.manager.models()]


@scenario
async def test_adapters_are_named_by_callers_and_are_files_for_engines(tmp_path: Path) -> None:
    write_model(tmp_path / "base.gguf")
    adapter = write_adapter(tmp_path / "tone.gguf")
    async with stage(models_dirs=(str(tmp_path),)) as s:
        await s.manager.load("base", LoadOptions(adapters=("tone",)))
        assert s.engine.options is not None
        assert s.engine.options.adapters == (str(adapter),)
        with pytest.raises(InvalidRequestError, match="loaded with adapters"):
            await s.manager.load("base", LoadOptions(adapters=()))


@scenario
async def test_an_adapter_that_is_not_there_fails_the_load(tmp_path: Path) -> None:
    write_model(tmp_path / "base.gguf")
    outside = str(write_adapter(tmp_path.with_suffix(".gguf")))
    async with stage(models_dirs=(str(tmp_path),)) as s:
        for name in ("tune", "base", outside):
            with pytest.raises(LLMError) as caught:
                await s.manager.load("base", LoadOptions(adapters=(name,)))
            assert caught.value.param == "adapters"
        assert not any(engine.num_loads for engine in s.troupe.engines)
