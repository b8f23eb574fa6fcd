"""A service with several servers: who is asked, and what happens when they die and come back."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from host_helpers import eventually as soon
from scripted_service import DONE, Exchange, Service, delta, service, speak

from jupyter_llm.engines.remote import health
from jupyter_llm.engines.remote.engine import RemoteEngine
from jupyter_llm.engines.remote.group import Replica
from jupyter_llm.engines.remote.remotes import Remotes
from jupyter_llm.engines.remote.settings import Endpoint, Remote
from jupyter_llm.engines.remote.upstream import Upstream
from jupyter_llm.errors import LLMError, UpstreamError
from jupyter_llm.types import (
    EmbeddingRequest,
    GenerationRequest,
    LoadOptions,
    Model,
    Relayed,
    TokenChunk,
)

MODEL = Model(id="ours", format="openai", engine="remote")
CHAT = "/v1/chat/completions"
NUM_REPLICAS = 4
NUM_STREAMS = 8


eventually = partial(soon, within_s=30.0)


def relayed(max_tokens: int = 10) -> GenerationRequest:
    body = json.dumps({"messages": [], "max_tokens": max_tokens}).encode()
    call = Relayed(route="chat/completions", body=body, is_stream=True)
    return GenerationRequest(id="1", model_id="ours", relayed=call)


def group(ports: list[int], **options: Any) -> Remote:
    replicas = tuple(endpoint(port) for port in ports)
    return replace(Remote(id="far", replicas=replicas, models={"ours": "theirs"}), **options)


def endpoint(port: int) -> Endpoint:
    return Endpoint(url=f"http://127.0.0.1:{port}/v1", name=f"job:{port}")


@asynccontextmanager
async def loaded(remotes: Remotes, num_well: int = 2) -> AsyncIterator[RemoteEngine]:
    engine = RemoteEngine(remotes)
    await engine.load(MODEL, LoadOptions(), lambda _: None)
    try:
        # who was slower to answer than the first is looked at once more
        await eventually(lambda: sum(one.health.is_well for one in replicas(engine)) >= num_well)
        yield engine
    finally:
        await engine.unload()


def replicas(engine: RemoteEngine) -> list[Replica]:
    """How the engine sees them."""
    loaded: Any = engine._loaded
    return loaded.group._replicas  # type: ignore[no-any-return]


@asynccontextmanager
async def several(number: int, **acts: Any) -> AsyncIterator[list[Service]]:
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(service(**acts)) for _ in range(number)]


async def answer(engine: RemoteEngine) -> list[TokenChunk]:
    return [chunk async for chunk in engine.generate(relayed())]


async def read_into(chunks: list[TokenChunk], engine: RemoteEngine) -> None:
    async for chunk in engine.generate(relayed()):
        chunks.append(chunk)  # noqa: PERF401 - what came before an error is kept


async def served_by(engine: RemoteEngine) -> str:
    return (await answer(engine))[-1].served_by


async def test_each_replica_has_its_turn() -> None:
    async with several(3) as servers:
        remotes = Remotes([group([one.port for one in servers])])
        async with loaded(remotes, num_well=3) as engine:
            names = [await served_by(engine) for _ in range(12)]
        assert [len(one.of(CHAT)) for one in servers] == [4, 4, 4]
        assert names[:3] * 4 == names


async def test_the_one_with_the_fewest_requests_is_asked_where_that_is_wanted() -> None:
    async def hold(exchange: Exchange) -> None:
        await exchange.begin()
        await exchange.send(delta("one"))
        await exchange.until_left()

    async with several(2) as (busy, idle):
        busy.acts[CHAT] = hold
        remote = group([busy.port, idle.port], balance="least_outstanding")
        async with loaded(Remotes([remote])) as engine:
            held = engine.generate(relayed())
            await anext(held)
            assert {await served_by(engine) for _ in range(5)} == {f"job:{idle.port}"}
            await held.aclose()
            await eventually(lambda: not replicas(engine)[0].num_running)
            busy.acts[CHAT] = speak
            assert {await served_by(engine) for _ in range(2)} == {
                f"job:{one.port}" for one in (busy, idle)
            }


async def drop(exchange: Exchange) -> None:
    """Die before a word, and after the beginning that every answer has."""
    await exchange.begin()
    await exchange.send(delta("", delta={"role": "assistant", "content": ""}))
    await asyncio.sleep(0.05)
    exchange.writer.close()


async def busy(exchange: Exchange) -> None:
    await exchange.answer(503, b'{"error": {"message": "full"}}')


async def fail(exchange: Exchange) -> None:
    await exchange.begin()
    await exchange.send({"error": {"message": "out of memory"}})
    await exchange.end()


@pytest.mark.parametrize("act", [drop, busy, fail])
async def test_what_fails_before_its_first_word_is_asked_of_another_one_once(act: Any) -> None:
    async with several(2) as (first, second):
        async with loaded(Remotes([group([first.port, second.port])])) as engine:
            first.acts[CHAT] = second.acts[CHAT] = act
            with pytest.raises(LLMError):
                await answer(engine)
            assert [len(one.of(CHAT)) for one in (first, second)] == [1, 1]
        second.acts[CHAT] = speak
        async with loaded(Remotes([group([first.port, second.port])])) as engine:
            events = b"".join(chunk.relayed for chunk in await answer(engine))
    assert events.endswith(DONE)
    assert b"assistant" not in events, "the beginning of the answer that came to nothing"


async def test_nothing_is_asked_twice_once_a_word_has_come() -> None:
    async def cut(exchange: Exchange) -> None:
        await exchange.begin()
        await exchange.send(delta("one"))
        await asyncio.sleep(0.1)  # what comes in one packet with the end may be lost
        exchange.writer.close()

    async with (
        several(2, chat_completions=cut) as servers,
        loaded(Remotes([group([one.port for one in servers])])) as engine,
    ):
        chunks: list[TokenChunk] = []
        with pytest.raises(UpstreamError):
            await read_into(chunks, engine)
        assert sum(len(one.of(CHAT)) for one in servers) == 1
    assert b"one" in chunks[0].relayed


async def test_vectors_come_from_another_one_too() -> None:
    async def embed(exchange: Exchange) -> None:
        await exchange.answer(200, b'{"data": [{"embedding": [0.5]}]}')

    async with several(2, embeddings=embed) as (first, second):
        first.acts["/v1/embeddings"] = drop
        async with loaded(Remotes([group([first.port, second.port])])) as engine:
            request = EmbeddingRequest(id="1", model_id="ours", inputs=("a",))
            assert len((await engine.embed(request)).vectors) == 1
        assert [len(one.of("/v1/embeddings")) for one in (first, second)] == [1, 1]


async def test_a_model_is_loaded_while_one_replica_answers_and_dies_with_the_last(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(health, "FIRST_PAUSE_S", 0.02)
    news: list[tuple[str, bool]] = []
    async with several(2) as (first, second):
        ports = [second.port, free_port(), first.port]
        remotes = Remotes()
        remotes.add(
            group(ports, health_interval_s=0.1),
            owner="services",
            on_health=lambda *n: news.append(n),
        )
        async with loaded(remotes) as engine:
            assert {await served_by(engine) for _ in range(6)} <= {
                f"job:{one.port}" for one in (first, second)
            }
            died = asyncio.ensure_future(engine.died())
            for one in (first, second):
                assert not died.done()
                one.acts["/v1/models"] = busy
            assert "far" in (await asyncio.wait_for(died, 20)).message
    assert {(f"job:{port}", False) for port in ports} <= set(news)


async def test_replicas_come_and_go_while_the_model_is_loaded() -> None:
    async with several(3) as (first, second, third):
        remotes = Remotes()
        remotes.add(group([first.port, second.port]), owner="services")
        async with loaded(remotes) as engine:
            now = (endpoint(second.port), endpoint(third.port))
            remotes.change("far", now, owner="somebody")
            assert {await served_by(engine) for _ in range(2)} == {
                f"job:{one.port}" for one in (first, second)
            }
            num_before = second.num_connections
            remotes.change("far", now, owner="services")
            assert {await served_by(engine) for _ in range(6)} == {one.name for one in now}
            assert (second.num_connections, len(first.of(CHAT))) == (num_before, 1)


async def test_a_server_is_asked_through_a_socket(tmp_path: Path) -> None:
    path = str(tmp_path / "one.sock")
    one = Service(acts={"/v1/models": models, CHAT: speak})
    server = await asyncio.start_unix_server(one.handle, path)
    remote = Remote(
        id="far",
        replicas=(Endpoint(url="http://node:8001/v1", socket=path, name="7:8001"),),
        models={"ours": "theirs"},
    )
    async with loaded(Remotes([remote]), num_well=1) as engine:
        assert await served_by(engine) == "7:8001"
        assert one.of(CHAT)[0].headers["host"] == "node:8001"
    server.close()
    await one.hang_up()


async def models(exchange: Exchange) -> None:
    await exchange.answer(200, b'{"data": [{"id": "theirs"}]}')


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Servers:
    """Processes that are killed and started again; `away` has when each was gone and came back."""

    def __init__(self) -> None:
        self.ports = [free_port() for _ in range(NUM_REPLICAS)]
        self.away: list[tuple[int, float, float]] = []
        self._processes = {port: self._started(port) for port in self.ports}

    async def up(self) -> None:
        for port in self.ports:
            await self._answers(port)

    async def kill_for(self, port: int, away_s: float) -> None:
        process = self._processes[port]
        process.send_signal(signal.SIGKILL)
        process.wait()
        killed_at = time.monotonic()
        await asyncio.sleep(away_s)
        self.away.append((port, killed_at, time.monotonic()))
        self._processes[port] = self._started(port)
        await self._answers(port)

    def close(self) -> None:
        for process in self._processes.values():
            process.kill()
            process.wait()

    def _started(self, port: int) -> subprocess.Popen[bytes]:
        script = Path(__file__).parent / "replica_server.py"
        return subprocess.Popen([sys.executable, "-S", str(script), str(port)])

    async def _answers(self, port: int) -> None:
        async with asyncio.timeout(60):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                except OSError:
                    await asyncio.sleep(0.02)
                    continue
                writer.close()
                return


@pytest.fixture
def servers() -> Iterator[Servers]:
    running = Servers()
    yield running
    running.close()


@dataclass
class Outcomes:
    """What became of requests; `attempts` are ports and times of what was sent."""

    served: Counter[str]
    attempts: list[tuple[int, float]]
    num_broken: int = 0
    num_lost: int = 0


async def stream_until(engine: RemoteEngine, end: asyncio.Event, outcomes: Outcomes) -> None:
    """Ask again and again; an answer that has begun may break off, none may fail before."""
    while not end.is_set():
        has_begun = False
        try:
            async for chunk in engine.generate(relayed()):
                has_begun = True
                if chunk.finish_reason:
                    outcomes.served[chunk.served_by] += 1
        except UpstreamError:
            outcomes.num_broken += has_begun
            outcomes.num_lost += not has_begun


@pytest.mark.timeout(180)
async def test_replicas_that_are_killed_cost_no_request_that_had_not_begun(
    servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    interval_s = 0.5
    outcomes = Outcomes(Counter(), [])
    fetch = Upstream.fetch

    async def noted(self: Upstream, route: str, *args: Any, **options: Any) -> None:
        if route == "chat/completions":
            port = int(self.endpoint.name.split(":")[1])
            outcomes.attempts.append((port, time.monotonic()))
        await fetch(self, route, *args, **options)

    monkeypatch.setattr(Upstream, "fetch", noted)
    await servers.up()
    remote = group(servers.ports, health_interval_s=interval_s, concurrency=64)
    async with loaded(Remotes([remote]), num_well=4) as engine:
        end = asyncio.Event()
        streams = [
            asyncio.create_task(stream_until(engine, end, outcomes)) for _ in range(NUM_STREAMS)
        ]
        for port in servers.ports * 2:
            await asyncio.sleep(0.8)
            await servers.kill_for(port, 1.2)
        await eventually(lambda: outcomes.attempts[-1][0] == servers.ports[-1])
        end.set()
        await asyncio.gather(*streams)

        assert outcomes.num_lost == 0
        assert outcomes.num_broken > 0
        assert sum(outcomes.served.values()) > outcomes.num_broken
        for port, killed_at, back_at in servers.away:
            # what comes within an interval before the return may be a look at whether it is back
            late = [at for one, at in outcomes.attempts if one == port and at < back_at]
            assert not [at for at in late if at > killed_at + interval_s]

        await evenly(engine, servers)


async def evenly(engine: RemoteEngine, servers: Servers) -> None:
    """All are well again: each has as many of the requests as the others, even to 5 %."""
    names = {f"job:{port}" for port in servers.ports}
    async with asyncio.timeout(60):
        while {await served_by(engine) for _ in names} != names:
            pass
    counts: Counter[str] = Counter()

    async def ask() -> None:
        for _ in range(15):
            counts[await served_by(engine)] += 1

    await asyncio.gather(*(ask() for _ in range(NUM_STREAMS)))
    mean = sum(counts.values()) / NUM_REPLICAS
    assert set(counts) == names
    assert all(abs(number - mean) <= 0.05 * mean for number in counts.values()), counts


@pytest.mark.timeout(120)
async def test_a_replica_that_hangs_is_left_out_and_put_back(
    servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "_LEAST_PATIENCE_S", 0.2)
    await servers.up()
    names = {f"job:{port}" for port in servers.ports}
    remote = group(servers.ports, health_interval_s=0.2, connect_timeout_s=0.5)
    async with loaded(Remotes([remote]), num_well=4) as engine:
        hung = servers._processes[servers.ports[0]]
        os.kill(hung.pid, signal.SIGSTOP)
        well = names - {f"job:{servers.ports[0]}"}
        await eventually(lambda: not replicas(engine)[0].health.is_well)
        assert {await served_by(engine) for _ in range(8)} == well
        os.kill(hung.pid, signal.SIGCONT)
        await eventually(lambda: all(one.health.is_well for one in replicas(engine)))
        assert {await served_by(engine) for _ in range(4)} == names
