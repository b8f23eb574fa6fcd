"""What was saved about single models, beside what the operator says."""

from __future__ import annotations

import asyncio
import math
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from stage import Stage, scenario, stage, until

from jupyter_llm.registry.database import Registry
from jupyter_llm.registry.settings import SavedSettings
from jupyter_llm.types import LoadOptions, ModelSettings, ModelState

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@asynccontextmanager
async def server(folder: Path, **settings: Any) -> AsyncIterator[tuple[Stage, SavedSettings]]:
    registry = Registry(f"sqlite:///{folder / 'registry.sqlite3'}")
    saved = SavedSettings(registry)
    async with stage(saved=saved, **settings) as s:
        yield s, saved
    await registry.close()


@scenario
async def test_saved_options_and_aliases_survive_a_restart(tmp_path: Path) -> None:
    async with server(tmp_path) as (_, saved):
        await saved.save("echo", ModelSettings(aliases=("gpt-4o",), options=LoadOptions(slots=7)))
    async with server(tmp_path, default_options=LoadOptions(context_length=64)) as (s, _):
        assert (await s.manager.load("gpt-4o")).model.id == "echo"
        assert s.engine.options == LoadOptions(context_length=64, slots=7)


@scenario
async def test_options_of_a_load_win_then_the_operators_then_the_saved(tmp_path: Path) -> None:
    own = {"echo": LoadOptions(slots=3, num_threads=1)}
    async with server(tmp_path, model_options=own) as (s, saved):
        options = LoadOptions(slots=7, num_threads=7, batch_size=9)
        await saved.save("echo", ModelSettings(options=options))
        await s.manager.load("echo", LoadOptions(num_threads=2))
        assert s.engine.options == LoadOptions(slots=3, num_threads=2, batch_size=9)


@scenario
async def test_aliases_of_the_operator_win(tmp_path: Path) -> None:
    async with server(tmp_path, aliases={"best": "echo"}) as (s, saved):
        await saved.save("guide", ModelSettings(aliases=("best", "other")))
        assert (await s.manager.resolve("best")).id == "echo"
        assert (await s.manager.resolve("other")).id == "guide"


@scenario
async def test_a_saved_keep_alive_takes_the_place_of_the_usual_one(tmp_path: Path) -> None:
    async with server(tmp_path, keep_alive_s=math.inf) as (s, saved):
        await saved.save("echo", ModelSettings(keep_alive_s=0.02))
        await s.manager.load("echo")
        await until(lambda: s.manager.loaded() == ())


@scenario
async def test_a_saved_pin_keeps_a_model(tmp_path: Path) -> None:
    async with server(tmp_path, keep_alive_s=0.02) as (s, saved):
        await saved.save("echo", ModelSettings(is_pinned=True))
        await s.manager.load("echo")
        await asyncio.sleep(0.1)
        assert [status.state for status in s.manager.loaded()] == [ModelState.READY]


@scenario
async def test_a_pin_of_the_operator_is_not_taken_away(tmp_path: Path) -> None:
    async with server(tmp_path, pinned_models=("echo",)) as (s, saved):
        await saved.save("echo", ModelSettings(keep_alive_s=0.02))
        await s.manager.load("echo")
        await asyncio.sleep(0.1)
        assert [status.state for status in s.manager.loaded()] == [ModelState.READY]


@scenario
async def test_a_model_is_out_of_memory_while_it_is_deleted(tmp_path: Path) -> None:
    async with server(tmp_path) as (s, _):
        await s.text()
        async with s.manager.absent("echo"):
            assert s.manager.loaded() == ()
            asked = asyncio.create_task(s.text())
            await asyncio.sleep(0.05)
            assert s.manager.loaded() == ()
        assert await asked
