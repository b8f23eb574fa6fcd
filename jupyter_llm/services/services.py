"""The services of this server: started from recipes, watched, and found again after a restart."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from jupyter_llm.errors import LLMError, ServiceNotFoundError
from jupyter_llm.services.book import RecordBook, Rows
from jupyter_llm.services.decide import CANCELLING
from jupyter_llm.services.log_text import whole_characters
from jupyter_llm.services.retention import Retention
from jupyter_llm.services.submission import Order, Submission
from jupyter_llm.services.succession import Succession
from jupyter_llm.services.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from jupyter_llm.services.cookbook import Cookbook
    from jupyter_llm.services.record import Record
    from jupyter_llm.services.shell import Address
    from jupyter_llm.services.site import Site
    from jupyter_llm.types import Replica, Service

MAX_LOG_BYTES = 256 * 1024
"""How much of a log is read at once."""

TAKEN_UP_EVERY_S = 15.0
"""How often the registry is asked what other servers have started."""

LISTED_AGE_S = 1.0
"""How old that may be where somebody asks for services."""

TAKE_UP_TIMEOUT_S = 5.0

log = logging.getLogger(__name__)


class Services:
    """Those of one site; belongs to one event loop.

    A record is written before its job is submitted: whatever happens to this server, no job
    runs that nobody knows, and none is submitted twice. Every `poll_s` all are looked at; one
    that hands over gets its successor `lead_s` before its time is over. What other servers
    write to the same registry is taken up, and what ended long ago is forgotten.
    """

    def __init__(
        self,
        cookbook: Cookbook,
        site: Site,
        rows: Rows,
        poll_s: float,
        lead_s: float = 1800.0,
    ) -> None:
        self.cookbook = cookbook
        self._site = site
        self._listeners: list[Callable[[Service], None]] = []
        self._loaded: asyncio.Task[None] | None = None
        self._book = RecordBook(rows, self._tell)
        self._submission = Submission(cookbook, site, self._book)
        self._succession = Succession(
            self._book, site.folders, lead_s, submit=self._submit, cancel=self._cancel
        )
        self._watch = Watch(
            site, self._book, poll_s, on_stale=self._tell_all, after_look=self._after_look
        )
        self._retention = Retention(self._book, site.folders, site.keep_s)
        self._taken_up_at = time.monotonic()

    async def start_up(self) -> None:
        """Take up what earlier servers have left."""
        await self._ready()

    async def stop(self) -> None:
        """Watch no longer; the jobs run on."""
        if self._loaded is not None:
            self._loaded.cancel()
        await self._retention.stop()
        await self._watch.stop()
        await self._site.shell.close()

    def subscribe(self, listener: Callable[[Service], None]) -> Callable[[], None]:
        """Tell `listener` of every change of a service; returns what ends it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    async def all(self, owner: str | None) -> list[Service]:
        """The services of a user, or of everybody with `None`, the newest first."""
        await self._ready()
        await self._take_up(LISTED_AGE_S)
        mine = [self._dated(each) for each in self._book if _may_see(each, owner)]
        return sorted(mine, key=lambda service: service.created_at, reverse=True)

    async def get(self, service_id: str, owner: str | None) -> Service:
        """One service.

        Raises:
            ServiceNotFoundError: There is none of this id, or it is somebody else's.
        """
        return self._dated(await self._find(service_id, owner))

    async def create(
        self, recipe_name: str, config: Mapping[str, Any] | None, *, owner: str, name: str = ""
    ) -> Service:
        """Start a service.

        Raises:
            RecipeNotFoundError: There is no such recipe.
            InvalidRequestError: It cannot be met, or the cluster refuses it.
            ClusterError: The cluster does not answer.
            RegistryError: It could not be written down, and so was not started.
        """
        await self._ready()
        order = Order(recipe=recipe_name, config=config or {}, owner=owner, name=name)
        return await self._submit(order)

    async def _submit(self, order: Order) -> Service:
        try:
            return self._dated(await self._submission.submit(order))
        finally:
            self._watch.wake()

    async def cancel(self, service_id: str, owner: str | None) -> Service:
        """End a service; its record stays. One that has ended stays as it ended.

        Raises:
            ServiceNotFoundError: There is none of this id, or it is somebody else's.
            ClusterError: The cluster does not answer; the service goes on.
        """
        record = await self._find(service_id, owner)
        await self._cancel(record, record.cancelled_because)
        for each in self._book.going():
            if each.service.successor_of == record.service.id:
                await self._cancel(each, record.cancelled_because)
        self._watch.wake()
        return self._dated(self._book.get(record.key))

    async def _cancel(self, record: Record, because: str) -> None:
        if record.service.state.is_final:
            return
        await self._site.launcher.cancel(record.job)
        record = self._book.get(record.key)
        if not record.service.state.is_final:
            service = replace(record.service, reason=CANCELLING)
            await self._book.change(
                replace(
                    record,
                    service=service,
                    cancelled_at=time.time(),
                    cancelled_because=because,
                )
            )

    async def log(self, service_id: str, owner: str | None, *, offset: int = 0) -> tuple[str, int]:
        """What the job and its servers have written from byte `offset` on, and the next offset.

        Raises:
            ServiceNotFoundError: There is none of this id, or it is somebody else's.
            ClusterError: It cannot be read.
        """
        record = await self._find(service_id, owner)
        data = await self._site.shell.read(
            f"{record.folder}/log", offset=offset, max_bytes=MAX_LOG_BYTES
        )
        text = whole_characters(data)
        return text.decode(errors="replace"), offset + len(text)

    async def key_of(self, service_id: str) -> str:
        """The API key of a service's servers, to be sent as bearer.

        Raises:
            ServiceNotFoundError: There is none of this id.
        """
        return await self._site.folders.secret_of((await self._find(service_id, None)).folder)

    async def reach(self, replica: Replica) -> Address:
        """How to reach a server; its API is below `base_path` there.

        Raises:
            ClusterError: The machine that leads to it is not reached.
        """
        return await self._site.shell.reach(replica.host, replica.port)

    async def note_health(self, service_id: str, replica_id: str, *, is_healthy: bool) -> None:
        """Whoever routes requests has found a replica to answer, or not to."""
        record = await self._find(service_id, None)
        replicas = tuple(
            replace(each, is_healthy=is_healthy) if each.id == replica_id else each
            for each in record.service.replicas
        )
        if not record.service.state.is_final:
            await self._book.change(
                replace(record, service=replace(record.service, replicas=replicas))
            )

    async def note_offered(self, service_id: str, model_id: str) -> None:
        """The model of a service can be asked from now on, by this name."""
        record = await self._find(service_id, None)
        if not record.service.state.is_final:
            service = replace(record.service, model_id=model_id)
            await self._book.change(replace(record, service=service))

    async def _find(self, service_id: str, owner: str | None) -> Record:
        await self._ready()
        if record := self._known(service_id, owner):
            return record
        await self._take_up(LISTED_AGE_S)
        if record := self._known(service_id, owner):
            return record
        raise ServiceNotFoundError(
            f"There is no service {service_id[:100]!r} of yours. GET /api/v1/services lists them.",
            param="id",
        )

    def _known(self, service_id: str, owner: str | None) -> Record | None:
        for record in self._book:
            if service_id in (record.service.id, record.key) and _may_see(record, owner):
                return record
        return None

    async def _take_up(self, age_s: float) -> None:
        """Learn what other servers have written, unless that is known as of `age_s` ago.

        Where the registry does not answer, what is known has to do.
        """
        if time.monotonic() - self._taken_up_at < age_s:
            return
        self._taken_up_at = time.monotonic()
        num_going = len(self._book.going())
        try:
            async with asyncio.timeout(TAKE_UP_TIMEOUT_S):
                await self._book.take_up()
        except (LLMError, TimeoutError) as error:
            log.warning("What other servers have started is not known now: %s", error)
        if len(self._book.going()) > num_going:
            self._watch.wake()

    async def _after_look(self) -> None:
        going = self._book.going()
        await self._site.shell.keep(
            {(one.host, one.port) for each in going for one in each.service.replicas}
        )
        await self._take_up(TAKEN_UP_EVERY_S)
        if not self._watch.is_stale:
            await self._succession.see_to()

    async def _ready(self) -> None:
        """Once the rows have been read; a caller that leaves does not stop the others."""
        if self._loaded is None or (self._loaded.done() and _has_failed(self._loaded)):
            self._loaded = asyncio.create_task(self._load(), name="services")
        await asyncio.shield(self._loaded)

    async def _load(self) -> None:
        await self._book.load()
        self._watch.begin()
        self._retention.begin()

    def _tell(self, record: Record) -> None:
        for listener in tuple(self._listeners):
            listener(self._dated(record))

    def _tell_all(self) -> None:
        for record in self._book.going():
            self._tell(record)

    def _dated(self, record: Record) -> Service:
        """The service, and when it was last seen to be so."""
        service = record.service
        if service.state.is_final:
            return service
        as_of = max(service.as_of, self._watch.as_of)
        return replace(service, as_of=as_of, is_stale=self._watch.is_stale)


def _may_see(record: Record, owner: str | None) -> bool:
    return owner is None or record.service.owner == owner


def _has_failed(task: asyncio.Task[None]) -> bool:
    return task.cancelled() or task.exception() is not None
