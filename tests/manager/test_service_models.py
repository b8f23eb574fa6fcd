"""Services that run are models, for whoever has started them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from scripted_service import Service as Server
from scripted_service import service as server
from stage import QUICK

from jupyter_llm.engines.remote import health
from jupyter_llm.errors import ClusterError, LLMError, ModelNotFoundError
from jupyter_llm.manager import service_models
from jupyter_llm.manager.manager import ModelManager
from jupyter_llm.manager.service_models import ServiceModels
from jupyter_llm.manager.settings import ManagerSettings
from jupyter_llm.manager.view import ManagerView
from jupyter_llm.services.shell import Address
from jupyter_llm.types import (
    GenerationRequest,
    ModelState,
    Relayed,
    Replica,
    Service,
    ServiceState,
)

KEY = "key-of-the-service"
RUNNING = ServiceState.RUNNING


@dataclass
class Book:
    """Services as the manager hears of them; `fails` is raised by the next `reach`."""

    services: dict[str, Service] = field(default_factory=dict)
    fails: list[LLMError] = field(default_factory=list)
    health: list[tuple[str, str, bool]] = field(default_factory=list)
    offered: dict[str, str] = field(default_factory=dict)
    listeners: list[Callable[[Service], None]] = field(default_factory=list)

    def set(self, service: Service) -> None:
        self.services[service.id] = service
        for listener in self.listeners:
            listener(service)

    async def all(self, owner: str | None) -> list[Service]:
        assert owner is None
        return list(self.services.values())

    def subscribe(self, listener: Callable[[Service], None]) -> Callable[[], None]:
        self.listeners.append(listener)
        return lambda: self.listeners.remove(listener)

    async def key_of(self, service_id: str) -> str:
        assert service_id in self.services
        return KEY

    async def reach(self, replica: Replica) -> Address:
        if self.fails:
            raise self.fails.pop()
        return Address(url=f"http://{replica.host}:{replica.port}")

    async def note_health(self, service_id: str, replica_id: str, *, is_healthy: bool) -> None:
        self.health.append((service_id, replica_id, is_healthy))

    async def note_offered(self, service_id: str, model_id: str) -> None:
        self.offered[service_id] = model_id


def service_of(*servers: Server, **fields: Any) -> Service:
    replicas = tuple(
        Replica(id=f"7:{one.port}", index=n, host="127.0.0.1", port=one.port, state=RUNNING)
        for n, one in enumerate(servers)
    )
    plain = Service(
        id="7",
        name="big",
        recipe="inference/vllm-replicas",
        kind="inference",
        owner="ada",
        launcher="slurm",
        state=RUNNING,
        model="theirs",
        replicas=replicas,
        num_replicas=len(replicas),
        created_at=time.time(),
        as_of=time.time(),
    )
    return replace(plain, **fields)


@asynccontextmanager
async def following(
    book: Book, settings: ManagerSettings | None = None
) -> AsyncIterator[ModelManager]:
    manager = ModelManager(settings=settings or ManagerSettings())
    models = ServiceModels(book, manager)
    models.begin()
    try:
        yield manager
    finally:
        await models.stop()
        await manager.stop()


def offered(manager: ModelManager) -> set[str]:
    return {model.id for model in manager.remotes.models()}


async def eventually(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


async def ask(manager: ModelManager, model_id: str) -> str:
    call = Relayed(route="chat/completions", body=b'{"stream":true}', is_stream=True)
    request = GenerationRequest(id="1", model_id=model_id, relayed=call)
    return [chunk async for chunk in manager.generate(request)][-1].served_by


async def test_a_service_that_runs_is_a_model_until_it_ends() -> None:
    book = Book()
    async with server() as one, server() as two, following(book) as manager:
        book.set(service_of(one, state=ServiceState.CONFIGURING))
        book.set(service_of(one, id="8", name="base", kind="vector-db"))
        book.set(service_of(one))
        await eventually(lambda: offered(manager) == {"big"})
        await eventually(lambda: bool(manager.loaded()))
        assert await ask(manager, "big") == f"7:{one.port}"
        asked = one.of("/v1/chat/completions")[0]
        assert asked.headers["authorization"] == f"Bearer {KEY}"
        assert asked.json["model"] == "theirs"

        book.set(service_of(one, two))
        await eventually(lambda: len(manager.remotes.find("big").known.remote.replicas) == 2)
        assert {await ask(manager, "big") for _ in range(4)} == {
            f"7:{each.port}" for each in (one, two)
        }
        book.set(service_of(one, two, state=ServiceState.CANCELLED))
        await eventually(lambda: not offered(manager) and not manager.loaded())
        with pytest.raises(ModelNotFoundError):
            await manager.resolve("big")


def successor_of(before: Service, server: Server) -> Service:
    replica = replace(before.replicas[0], id=f"8:{server.port}", port=server.port)
    return replace(before, id="8", successor_of=before.id, replicas=(replica,), state=RUNNING)


async def test_a_successor_takes_the_model_over() -> None:
    book = Book()
    async with server() as one, server() as two, following(book) as manager:
        first = service_of(one)
        book.set(first)
        await eventually(lambda: bool(manager.loaded()))
        successor = successor_of(first, two)
        book.set(replace(successor, state=ServiceState.PENDING, replicas=()))
        assert await ask(manager, "big") == f"7:{one.port}"

        book.set(successor)
        await eventually(
            lambda: manager.remotes.find("big").known.remote.replicas[0].name == f"8:{two.port}"
        )
        # what the first one still has to say changes nothing
        book.set(replace(first, reason="It is being cancelled."))
        book.set(replace(first, state=ServiceState.CANCELLED))
        assert await ask(manager, "big") == f"8:{two.port}"
        assert offered(manager) == {"big"}

        book.set(replace(successor, state=ServiceState.TIMEOUT))
        await eventually(lambda: not offered(manager) and not manager.loaded())


async def test_after_a_restart_a_successor_is_offered_alone() -> None:
    book = Book()
    async with server() as one, server() as two:
        first = service_of(one)
        book.set(successor_of(first, two))
        book.set(first)
        async with following(book) as manager:
            await eventually(lambda: bool(manager.loaded()))
            assert await ask(manager, "big") == f"8:{two.port}"
            book.set(replace(first, state=ServiceState.CANCELLED))
            assert await ask(manager, "big") == f"8:{two.port}"
            assert offered(manager) == {"big"}


async def test_it_is_there_for_its_owner_alone() -> None:
    async with server() as one:
        book = Book({"7": service_of(one)})
        async with following(book) as manager:
            await eventually(lambda: offered(manager) == {"big"})
            hers = ManagerView(manager, user="llm-kernels", allowed=None, owner="ada")
            assert await ask(hers, "big")
            his = ManagerView(manager, user="bob", allowed=None, owner="bob")
            with pytest.raises(ModelNotFoundError):
                await ask(his, "big")


async def test_a_name_that_is_taken_gets_the_id_of_the_service() -> None:
    async with server() as one:
        book = Book(
            {
                "7": service_of(one, name="guide"),
                "8": service_of(one, id="8"),
                "9": service_of(one, id="9"),
            }
        )
        async with following(book) as manager:
            await eventually(lambda: offered(manager) == {"guide-7", "big", "big-9"})
            await eventually(lambda: book.offered == {"7": "guide-7", "8": "big", "9": "big-9"})


async def test_a_name_that_means_another_model_gets_the_id_of_the_service() -> None:
    async with server() as one:
        settings = ManagerSettings(aliases={"big": "guide"})
        async with following(Book({"7": service_of(one)}), settings) as manager:
            await eventually(lambda: offered(manager) == {"big-7"})


async def test_a_cluster_that_does_not_answer_is_asked_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(service_models, "AGAIN_S", 0.05)
    book = Book(fails=[ClusterError("away")])
    async with server() as one, following(book) as manager:
        book.set(service_of(one))
        await eventually(lambda: offered(manager) == {"big"})


async def test_the_health_of_replicas_is_told_though_nobody_asks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(service_models, "HEALTH_INTERVAL_S", 0.1)
    book = Book()
    async with server() as one, following(book) as manager:
        async with server() as two:
            book.set(service_of(one, two))
            await eventually(lambda: bool(manager.loaded()))
        await eventually(lambda: ("7", f"7:{two.port}", False) in book.health)
        assert await ask(manager, "big") == f"7:{one.port}"


async def test_a_model_that_was_given_up_is_back_when_its_service_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(service_models, "HEALTH_INTERVAL_S", 0.1)
    monkeypatch.setattr(health, "FIRST_PAUSE_S", 0.02)
    book = Book()
    settings = ManagerSettings(
        restart=replace(QUICK, max_restarts=1), failed_load_cooldown_s=3600.0
    )
    async with following(book, settings) as manager:
        async with server() as one:
            book.set(service_of(one))
            await eventually(lambda: states(manager) == [ModelState.READY])
        await eventually(lambda: states(manager) == [ModelState.FAILED])
        async with server(port=one.port):
            book.set(service_of(one, is_stale=True))
            await eventually(lambda: states(manager) == [ModelState.READY])
            assert await ask(manager, "big") == f"7:{one.port}"


def states(manager: ModelManager) -> list[ModelState]:
    return [status.state for status in manager.loaded()]
