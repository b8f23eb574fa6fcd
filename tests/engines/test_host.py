from __future__ import annotations

import asyncio
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from host_helpers import (
    ECHO,
    ENDLESS,
    ask,
    collect,
    eventually,
    has_ended,
    hosted_echo,
    is_gone,
    pid_of,
)

from jupyter_llm.engines.echo.engine import EchoEngine
from jupyter_llm.engines.host import engine as host_engine
from jupyter_llm.engines.host.engine import HostedEngine
from jupyter_llm.engines.host.frames import STREAM_WINDOW
from jupyter_llm.errors import ContextLengthError, EngineDiedError, InvalidRequestError
from jupyter_llm.types import EngineStats, LoadOptions, TokenChunk


def test_a_hosted_engine_streams_what_the_engine_itself_streams() -> None:
    request = ask("one two\n three ünïcode 🐘 ", num_top_logprobs=1, stop=("never",))

    async def both() -> tuple[list[TokenChunk], list[TokenChunk]]:
        plain = EchoEngine()
        await plain.load(ECHO, LoadOptions(), lambda _part: None)
        async with hosted_echo() as hosted:
            return await collect(plain, request), await collect(hosted, request)

    expected, got = asyncio.run(both())
    assert got == expected
    assert len(got) > 4


def test_many_streams_at_once_do_not_mix() -> None:
    async def run() -> list[str]:
        async with hosted_echo(slots=16) as engine:
            texts = [f"{number} " * 200 for number in range(40)]
            answers = await asyncio.gather(*(collect(engine, ask(text)) for text in texts))
        return [
            text
            for text, chunks in zip(texts, answers, strict=True)
            if "".join(chunk.text for chunk in chunks) != text
        ]

    assert asyncio.run(run()) == []


def test_an_error_keeps_its_class_message_and_param() -> None:
    async def run() -> None:
        async with hosted_echo(context_length=4) as engine:
            with pytest.raises(ContextLengthError, match="holds 4"):
                await collect(engine, ask("one two three four five"))
            with pytest.raises(InvalidRequestError) as caught:
                await collect(engine, ask("one", logit_bias=((1, 2.0),)))
            assert caught.value.param == "logit_bias"
            assert len(await collect(engine, ask("still here"))) == 3

    asyncio.run(run())


def test_closing_the_generator_frees_the_slot() -> None:
    async def run() -> None:
        async with hosted_echo(slots=1, context_length=10**7) as engine:
            running = engine.generate(ask(ENDLESS))
            await anext(running)
            await eventually(lambda: engine.stats().num_running == 1)
            await running.aclose()
            assert len(await collect(engine, ask("the slot is free"))) == 5
            await eventually(lambda: engine.stats().num_running == 0)

    asyncio.run(run())


def test_a_reader_that_is_cancelled_frees_the_slot() -> None:
    async def run() -> None:
        async with hosted_echo(slots=1, context_length=10**7) as engine:
            reader = asyncio.create_task(collect(engine, ask(ENDLESS)))
            await eventually(lambda: engine.stats().num_running == 1)
            reader.cancel()
            await asyncio.wait([reader])
            assert len(await collect(engine, ask("free"))) == 2

    asyncio.run(run())


def test_a_reader_that_stands_still_holds_the_engine_back_and_nobody_else() -> None:
    async def run() -> None:
        async with hosted_echo(slots=2, context_length=10**7) as engine:
            slow = engine.generate(ask(ENDLESS))
            await anext(slow)
            assert len(await collect(engine, ask("word " * 3000))) > 3000
            (stream,) = engine._streams.values()
            assert len(stream._chunks) <= STREAM_WINDOW
            for _ in range(3 * STREAM_WINDOW):
                assert (await anext(slow)).text
            await slow.aclose()

    asyncio.run(run())


def test_stats_follow_the_engine() -> None:
    async def run() -> None:
        async with hosted_echo(slots=3) as engine:
            assert engine.stats() == EngineStats(slots=3, context_length=8192)
            await collect(engine, ask("one two three"))
            await eventually(lambda: engine.stats().num_completion_tokens == 3)
            assert engine.stats().num_running == 0

    asyncio.run(run())


def test_unload_ends_running_requests_and_reaps_the_process() -> None:
    async def run() -> None:
        async with hosted_echo(context_length=10**7) as engine:
            pid = pid_of(engine)
            reader = asyncio.create_task(collect(engine, ask(ENDLESS)))
            await eventually(lambda: engine.stats().num_running == 1)
            await asyncio.gather(engine.unload(), engine.unload())
            assert is_gone(pid)
            with pytest.raises(EngineDiedError):
                await reader
            with pytest.raises(EngineDiedError, match="not loaded"):
                await collect(engine, ask("too late"))
            assert engine.stats() == EngineStats()
            died = asyncio.create_task(engine.died())
            await asyncio.wait([died], timeout=0.2)
            assert not died.done()
            died.cancel()

    asyncio.run(run())


def test_unload_before_load_and_after_unload_does_nothing() -> None:
    async def run() -> None:
        await HostedEngine("echo").unload()
        async with hosted_echo() as engine:
            await engine.unload()

    asyncio.run(run())


def test_the_environment_of_the_child_holds_no_credentials(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("JUPYTER_TOKEN", "s3cret-one")
    monkeypatch.setenv("ANY_API_KEY", "s3cret-two")

    async def environment() -> str:
        async with hosted_echo() as engine:
            return repr(psutil.Process(pid_of(engine)).environ())

    assert "s3cret" not in asyncio.run(environment())


def test_the_child_has_a_session_and_standard_streams_of_its_own() -> None:
    def look_at(pid: int) -> None:
        assert os.getsid(pid) == pid
        assert Path(f"/proc/{pid}/fd/0").readlink() == Path("/dev/null")
        assert resource.prlimit(pid, resource.RLIMIT_CORE) == (0, 0)

    async def run() -> None:
        async with hosted_echo() as engine:
            look_at(pid_of(engine))

    asyncio.run(run())


def test_a_file_in_the_working_directory_does_not_stand_in_for_a_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "asyncio.py").write_text("raise SystemExit('not the library')")
    monkeypatch.chdir(tmp_path)

    async def run() -> int:
        async with hosted_echo() as engine:
            return len(await collect(engine, ask("hello")))

    assert asyncio.run(run()) == 2


def test_a_thousand_requests_leave_neither_tasks_nor_descriptors() -> None:
    async def run() -> None:
        async with hosted_echo() as engine:
            child = psutil.Process(pid_of(engine))
            await collect(engine, ask("warm up"))
            before = (len(asyncio.all_tasks()), psutil.Process().num_fds(), child.num_fds())
            for _ in range(10):
                await asyncio.gather(*(collect(engine, ask("a b c")) for _ in range(100)))
            after = (len(asyncio.all_tasks()), psutil.Process().num_fds(), child.num_fds())
            assert after == before
            assert engine._streams == {}

    asyncio.run(run())


def test_loading_again_and_again_leaves_no_descriptors() -> None:
    async def run() -> None:
        counts = []
        for _ in range(5):
            async with hosted_echo() as engine:
                assert engine.stats().slots == 12
            counts.append(psutil.Process().num_fds())
        assert len(set(counts[1:])) == 1

    asyncio.run(run())


def test_a_hung_process_is_unloaded_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_engine, "UNLOAD_GRACE_S", 0.5)

    async def run() -> float:
        async with hosted_echo() as engine:
            pid = pid_of(engine)
            psutil.Process(pid).suspend()
            started_at = time.monotonic()
            await engine.unload()
            assert is_gone(pid)
            return time.monotonic() - started_at

    assert asyncio.run(run()) < 5


ORPHAN = """
import asyncio
from jupyter_llm.engines.host.engine import HostedEngine
from jupyter_llm.types import LoadOptions, Model

async def main():
    engine = HostedEngine("echo")
    model = Model(id="echo", format="echo", engine="echo")
    await engine.load(model, LoadOptions(), lambda part: None)
    print(engine._process.pid, flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


def test_a_child_does_not_outlive_a_server_that_is_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", ORPHAN], stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        child_pid = int(server.stdout.readline())
        assert not has_ended(child_pid)
        server.kill()
    asyncio.run(eventually(lambda: has_ended(child_pid), within_s=2))
