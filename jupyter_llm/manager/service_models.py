"""Running inference services as models: offered when they run, withdrawn when they end."""

from __future__ import annotations

import asyncio
import logging
import math
from typing import TYPE_CHECKING, Protocol

from jupyter_llm.engines.remote.config import RESERVED
from jupyter_llm.engines.remote.settings import Endpoint, Key, Remote
from jupyter_llm.errors import LLMError
from jupyter_llm.types import ModelState, ServiceState

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from jupyter_llm.engines.remote.settings import Balance, Dialect
    from jupyter_llm.manager.manager import ModelManager
    from jupyter_llm.services.shell import Address
    from jupyter_llm.types import Replica, Service

OWNER = "services"
"""Whose the remotes are that stand for services."""

HEALTH_INTERVAL_S = 5.0
AGAIN_S = 5.0
"""After what has failed, as the cluster did not answer."""

_AT_ONCE = 64
"""Requests of this server that one replica gets at a time."""

log = logging.getLogger(__name__)


class RunningServices(Protocol):
    """What is asked of the services; `Services` has more."""

    async def all(self, owner: str | None) -> list[Service]:
        """Those of a user, or with `None` of everybody."""
        ...

    def subscribe(self, listener: Callable[[Service], None]) -> Callable[[], None]:
        """Tell of every change; returns what ends that."""
        ...

    async def key_of(self, service_id: str) -> str:
        """The API key of its servers."""
        ...

    async def reach(self, replica: Replica) -> Address:
        """How to reach a server."""
        ...

    async def note_health(self, service_id: str, replica_id: str, *, is_healthy: bool) -> None:
        """A server was found to answer, or not to."""
        ...

    async def note_offered(self, service_id: str, model_id: str) -> None:
        """The model can be asked from now on, by this name."""
        ...


class ServiceModels:
    """Keeps the remotes of a manager as its services are; belongs to one event loop.

    One task takes the news, one service after the other. A model is loaded as soon as it is
    offered, which costs one request: from then on its replicas are looked at. A successor that
    runs takes its predecessor's model over: no request notices.
    """

    def __init__(
        self,
        services: RunningServices,
        manager: ModelManager,
        balance: Balance = "round_robin",
    ) -> None:
        self._services = services
        self._balance = balance
        self._manager = manager
        self._news: dict[str, Service] = {}
        self._has_news = asyncio.Event()
        self._model_ids: dict[str, str] = {}
        self._remote_ids: dict[str, str] = {}
        self._followed: set[str] = set()
        self._unsubscribe: Callable[[], None] = lambda: None
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self) -> None:
        """Offer what runs, and what is going to."""
        self._unsubscribe = self._services.subscribe(self._note)
        self._keep(self._follow())

    async def stop(self) -> None:
        """Follow no longer; what is offered stays until the manager stops."""
        self._unsubscribe()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def model_id_of(self, service_id: str) -> str | None:
        """What the model of a service is called here, while it is offered."""
        return self._model_ids.get(service_id)

    def _note(self, service: Service) -> None:
        self._news[service.id] = service
        self._has_news.set()

    def _note_again(self, service: Service) -> None:
        """Unless there is newer news of it by now."""
        self._news.setdefault(service.id, service)
        self._has_news.set()

    async def _follow(self) -> None:
        for service in await self._known():
            self._note_again(service)
        while True:
            await self._has_news.wait()
            self._has_news.clear()
            while self._news:
                service = self._news.pop(next(iter(self._news)))
                try:
                    await self._bring_up(service)
                except LLMError as error:
                    log.warning("The service %s is not offered now: %s", service.id, error)
                    loop = asyncio.get_running_loop()
                    loop.call_later(AGAIN_S, self._note_again, service)
                except Exception:
                    log.exception("Offering the service %s failed", service.id)

    async def _known(self) -> list[Service]:
        while True:
            try:
                return await self._services.all(None)
            except LLMError as error:
                log.warning("The services are not known now: %s", error)
                await asyncio.sleep(AGAIN_S)

    async def _bring_up(self, service: Service) -> None:
        if service.kind != "inference":
            return
        if service.id in self._followed:
            if service.state.is_final:
                self._model_ids.pop(service.id, None)
            return
        endpoints = await self._endpoints(service)
        if endpoints and service.id not in self._remote_ids and not self._takes_over(service):
            await self._offer(service, endpoints)
        elif endpoints:
            remote_id = self._remote_ids[service.id]
            self._manager.remotes.change(remote_id, endpoints, owner=OWNER)
            self._revive(self._model_ids[service.id])
            await self._services.note_offered(service.id, self._model_ids[service.id])
        elif remote_id := self._remote_ids.pop(service.id, ""):
            del self._model_ids[service.id]
            await self._manager.withdraw(remote_id, owner=OWNER)

    def _revive(self, model_id: str) -> None:
        """Load a model again that was given up, as while its cluster was away."""
        for status in self._manager.loaded():
            if status.model.id == model_id and status.state is ModelState.FAILED:
                self._keep(self._load(model_id))

    def _takes_over(self, service: Service) -> bool:
        """Whether it goes on with the model of its predecessor, whose API key it has, too."""
        before = service.successor_of
        if before:
            self._followed.add(before)
        if before not in self._remote_ids:
            return False
        self._remote_ids[service.id] = self._remote_ids.pop(before)
        # requests to the predecessor are answered until it ends
        self._model_ids[service.id] = self._model_ids[before]
        return True

    async def _endpoints(self, service: Service) -> tuple[Endpoint, ...]:
        """The servers that have answered once; what becomes of them is for the engine to see."""
        if service.state is not ServiceState.RUNNING:
            return ()
        ready = [one for one in service.replicas if one.state is ServiceState.RUNNING]
        return tuple([await self._endpoint(one) for one in ready])

    async def _endpoint(self, replica: Replica) -> Endpoint:
        address = await self._services.reach(replica)
        url = f"{address.url}{replica.base_path}/v1"
        return Endpoint(url=url, socket=address.socket or "", name=replica.id)

    async def _offer(self, service: Service, endpoints: tuple[Endpoint, ...]) -> None:
        key = await self._services.key_of(service.id)
        model_id = await self._free_id(service)
        remote = Remote(
            id=service.id,
            models={model_id: service.model},
            replicas=endpoints,
            balance=self._balance,
            key=Key(text=key),
            dialect=_dialect(service),
            concurrency=_AT_ONCE * max(service.num_replicas, 1),
            health_interval_s=HEALTH_INTERVAL_S,
            private_to=service.owner,
        )
        self._manager.remotes.add(remote, owner=OWNER, on_health=self._note_health)
        self._model_ids[service.id] = model_id
        self._remote_ids[service.id] = service.id
        self._keep(self._load(model_id))
        await self._services.note_offered(service.id, model_id)

    async def _free_id(self, service: Service) -> str:
        """The name of the service, with its id where something else is called so."""
        taken = await self._manager.all_ids()
        settings = self._manager.settings
        await settings.saved.fresh()
        if service.name in taken | RESERVED or settings.model_of(service.name) != service.name:
            return f"{service.name}-{service.id}"
        return service.name

    async def _load(self, model_id: str) -> None:
        try:
            await self._manager.load(model_id, keep_alive_s=math.inf)
        except LLMError as error:
            log.warning("%s is tried again when somebody asks: %s", model_id, error)

    def _note_health(self, replica_id: str, is_well: bool) -> None:
        self._keep(self._tell_health(replica_id, is_well=is_well))

    async def _tell_health(self, replica_id: str, *, is_well: bool) -> None:
        # the id of a replica begins with that of its service
        service_id = replica_id.rpartition(":")[0]
        try:
            await self._services.note_health(service_id, replica_id, is_healthy=is_well)
        except LLMError as error:
            log.warning("The health of %s is not noted: %s", replica_id, error)

    def _keep(self, work: Coroutine[None, None, None]) -> None:
        self._tasks.add(task := asyncio.create_task(work))
        task.add_done_callback(self._tasks.discard)


def _dialect(service: Service) -> Dialect:
    if any(one.base_path == "/llm" for one in service.replicas):
        return "jupyter-llm"
    return "vllm" if "vllm" in service.recipe else "openai"
