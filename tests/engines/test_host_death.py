from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from host_helpers import (
    ECHO,
    ENDLESS,
    ask,
    collect,
    eventually,
    hosted_echo,
    is_gone,
    pid_of,
)

from jupyter_llm.engines.host import engine as engine_module
from jupyter_llm.engines.host import process
from jupyter_llm.engines.host.engine import HostedEngine
from jupyter_llm.errors import EngineDiedError, ModelLoadError
from jupyter_llm.types import EngineStats, LoadOptions


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGABRT, signal.SIGSEGV])
def test_a_crash_ends_every_stream_with_an_error_and_is_reported(number: signal.Signals) -> None:
    async def run() -> None:
        async with hosted_echo(slots=8, context_length=10**7) as engine:
            pid = pid_of(engine)
            died = asyncio.create_task(engine.died())
            streams = [engine.generate(ask(ENDLESS)) for _ in range(8)]
            for stream in streams:
                await anext(stream)
            os.kill(pid, number)
            for stream in streams:
                with pytest.raises(EngineDiedError, match=number.name):
                    async for _ in stream:
                        pass
            error = await asyncio.wait_for(died, 5)
            assert number.name in error.message
            assert "'echo'" in error.message
            assert is_gone(pid)
            assert engine.stats() == EngineStats()
            with pytest.raises(EngineDiedError, match=number.name):
                await collect(engine, ask("anybody there?"))

    asyncio.run(run())


def test_a_process_killed_while_it_loads_is_a_failed_load() -> None:
    async def run() -> None:
        engine = HostedEngine("echo")
        loading = asyncio.create_task(engine.load(ECHO, LoadOptions(), lambda _part: None))
        await eventually(lambda: engine._process is not None)
        pid = pid_of(engine)
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(ModelLoadError, match="SIGKILL"):
            await loading
        assert is_gone(pid)
        await engine.unload()

    asyncio.run(run())


@pytest.mark.parametrize("pause_s", [0.0, 0.003, 0.05, 0.12])
def test_a_load_that_is_cancelled_leaves_no_process(pause_s: float) -> None:
    async def run() -> None:
        engine = HostedEngine("echo")
        loading = asyncio.create_task(engine.load(ECHO, LoadOptions(), lambda _part: None))
        await asyncio.sleep(pause_s)
        pid = engine._process.pid if engine._process else None
        loading.cancel()
        await asyncio.wait([loading])
        assert pid is None or is_gone(pid) or not loading.cancelled()
        await engine.unload()
        assert pid is None or is_gone(pid)

    asyncio.run(run())


def test_a_second_engine_takes_the_place_of_one_that_died() -> None:
    async def run() -> int:
        async with hosted_echo() as first:
            os.kill(pid_of(first), signal.SIGKILL)
            await first.died()
            async with hosted_echo() as second:
                return len(await collect(second, ask("back again")))

    assert asyncio.run(run()) == 3


MISBEHAVING = """
import asyncio, os, sys, time
from jupyter_llm.engines.echo.engine import EchoEngine
from jupyter_llm.engines.host import child
from jupyter_llm.errors import EngineDiedError

class Misbehaving(EchoEngine):
    async def generate(self, request):
        async for chunk in super().generate(request):
            yield chunk
        if request.prompt == "flood and abort":
            print("the user's own words\\n" * 50_000, file=sys.stderr)
            print("/some/folder/engine.cpp:12: GGML_ASSERT(all is well) failed", file=sys.stderr)
            sys.stderr.flush()
            os.abort()
        if request.prompt == "talk nonsense":
            os.write(int(sys.argv[2]), b"\\x05\\0\\0\\0hello")

    async def died(self):
        await asyncio.sleep(0.2 if sys.argv[1] == "mortal" else 3600)
        return EngineDiedError("its thread ended")

    async def unload(self):
        time.sleep(3600)

child.find_engine = lambda name: Misbehaving
child.main()
"""


@asynccontextmanager
async def misbehaving(
    monkeypatch: pytest.MonkeyPatch, name: str = "any"
) -> AsyncIterator[HostedEngine]:
    monkeypatch.setattr(
        process,
        "python_command",
        lambda _, *arguments: [sys.executable, "-c", MISBEHAVING, *arguments],
    )
    monkeypatch.setattr(engine_module, "UNLOAD_GRACE_S", 0.2)
    engine = HostedEngine(name)
    await engine.load(ECHO, LoadOptions(), lambda _part: None)
    try:
        yield engine
    finally:
        await engine.unload()


def test_the_cause_is_quoted_and_nothing_else_that_was_printed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def run() -> str:
        async with misbehaving(monkeypatch) as engine:
            with pytest.raises(EngineDiedError) as caught:
                await collect(engine, ask("flood and abort"))
            return caught.value.message

    assert asyncio.run(run()) == (
        "The engine of 'echo' stopped: its process crashed (SIGABRT): "
        "engine.cpp:12: GGML_ASSERT(all is well) failed. Send the request again."
    )


def test_a_process_that_talks_nonsense_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        async with misbehaving(monkeypatch) as engine:
            pid = pid_of(engine)
            with pytest.raises(EngineDiedError, match="no frame"):
                await collect(engine, ask("talk nonsense"))
            await asyncio.wait_for(engine.died(), 5)
            assert is_gone(pid)

    asyncio.run(run())


def test_an_engine_that_dies_while_its_process_lives_takes_it_along(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def run() -> None:
        async with misbehaving(monkeypatch, "mortal") as engine:
            pid = pid_of(engine)
            error = await asyncio.wait_for(engine.died(), 5)
            assert "its thread ended" in error.message
            assert is_gone(pid)

    asyncio.run(run())


def test_an_engine_that_never_finishes_unloading_is_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def run() -> float:
        async with misbehaving(monkeypatch) as engine:
            pid = pid_of(engine)
            started_at = time.monotonic()
            await engine.unload()
            assert is_gone(pid)
            return time.monotonic() - started_at

    assert asyncio.run(run()) < 5
