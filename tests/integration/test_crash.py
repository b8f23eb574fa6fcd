from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator

import psutil
import pytest
from guide_chat import QUESTIONS, chat, client, events, until_ready
from live import LiveServer

READY_AGAIN_WITHIN_S = 10.0


@pytest.fixture(scope="module")
def isolated_server() -> Iterator[LiveServer]:
    options = ("--LLMExtension.preload=True", "--LLMExtension.isolation=process")
    with LiveServer(*options) as server:
        yield server


@pytest.mark.parametrize("how", [signal.SIGABRT, signal.SIGKILL])
async def test_an_engine_that_dies_ends_its_streams_and_comes_back(
    isolated_server: LiveServer, how: signal.Signals
) -> None:
    async with client(isolated_server) as http:
        await until_ready(http)
        (engine,) = _engines(isolated_server)
        bodies = [chat(question, max_tokens=1500, ignore_eos=True) for question in QUESTIONS]
        began = [asyncio.Event() for _ in bodies]
        pairs = zip(bodies, began, strict=True)
        streams = [asyncio.create_task(events(http, body, event)) for body, event in pairs]
        async with asyncio.timeout(30):
            await asyncio.gather(*(event.wait() for event in began))
        engine.send_signal(how)
        async with asyncio.timeout(READY_AGAIN_WITHIN_S):
            found = await asyncio.gather(*streams)
            await until_ready(http)
            reply = await http.post("v1/chat/completions", json=chat("Hello!"))
    assert [stream[-1].get("error", {}).get("code") for stream in found] == ["engine_died"] * 8
    assert reply.status_code == 200
    assert psutil.pid_exists(isolated_server.pid)
    assert [process.pid for process in _engines(isolated_server)] != [engine.pid]


def _engines(server: LiveServer) -> list[psutil.Process]:
    children = psutil.Process(server.pid).children(recursive=True)
    return [child for child in children if "jupyter_llm.engines.host" in " ".join(child.cmdline())]
