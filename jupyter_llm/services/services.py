"""The services of this server: started from recipes, watched, and found again after a restart."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from jupyter_llm.errors import InvalidRequestError, LLMError, ServiceNotFoundError
from jupyter_llm.services.decide import CANCELLING
from jupyter_llm.services.launcher import Job
from jupyter_llm.services.plan import plan as plan_of
from jupyter_llm.services.record import Record, from_row, planned, to_row
from jupyter_llm.services.script import render
from jupyter_llm.services.watch import Watch
from jupyter_llm.types import Service, ServiceState

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from jupyter_llm.services.cookbook import Cookbook
    from jupyter_llm.services.plan import Plan
    from jupyter_llm.services.shell import Address
    from jupyter_llm.services.site import Site
    from jupyter_llm.types import Replica

MAX_LOG_BYTES = 256 * 1024
"""How much of a log is read at once."""

_KEY_BYTES = 6

log = logging.getLogger(__name__)


class Records(Protocol):
    """Where services outlive this server; raises `RegistryError`."""

    async def all(self) -> list[dict[str, Any]]:
        """Every row that was saved."""
        ...

    async def save(self, row: Mapping[str, Any]) -> None:
        """Keep a row, in the place of an earlier one with its key."""
        ...


class Services:
    """Those of one site; belongs to one event loop.

    A record is written before its job is submitted: whatever happens to this server, no job
    runs that nobody knows, and none is submitted twice.
    """

    def __init__(self, cookbook: Cookbook, site: Site, records: Records, poll_s: float) -> None:
        self.cookbook = cookbook
        self._site = site
        self._rows = records
        self._records: dict[str, Record] = {}
        self._listeners: list[Callable[[Service], None]] = []
        self._submitting = asyncio.Lock()
        self._loaded: asyncio.Task[None] | None = None
        self._watch = Watch(site, self._records, self._change, self._tell_all, poll_s)

    async def start_up(self) -> None:
        """Take up what earlier servers have left."""
        await self._ready()

    async def stop(self) -> None:
        """Watch no longer; the jobs run on."""
        if self._loaded is not None:
            self._loaded.cancel()
        await self._watch.stop()
        await self._site.shell.close()

    def subscribe(self, listener: Callable[[Service], None]) -> Callable[[], None]:
        """Tell `listener` of every change of a service; returns what ends it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    async def all(self, owner: str | None) -> list[Service]:
        """The services of a user, or of everybody with `None`, the newest first."""
        await self._ready()
        mine = [self._dated(each) for each in self._records.values() if _may_see(each, owner)]
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
        recipe = await asyncio.to_thread(self.cookbook.recipe, recipe_name)
        plan = plan_of(recipe, config)
        await self._ready()
        launcher = self._site.launcher
        # one after the other: two must not be given the same GPUs
        async with self._submitting:
            gpus = await launcher.check(plan, self._taken_gpus())
            key = f"{launcher.name}-{secrets.token_hex(_KEY_BYTES)}"
            folder = await self._site.folders.path_of(key)
            job = Job(key=key, folder=folder, job_id=launcher.new_id(key))
            record = planned(plan, job, owner=owner, name=name, now=time.time())
            record = replace(record, gpus=gpus)
            await self._rows.save(to_row(record))
            self._records[key] = record
        # shielded: a client that leaves must not leave a job behind whose id nobody noted
        return await asyncio.shield(asyncio.create_task(self._submit(record, plan)))

    async def _submit(self, record: Record, plan: Plan) -> Service:
        script = render(plan, self._site.place(record.folder, record.gpus))
        try:
            await self._site.folders.make(record.folder, secrets.token_urlsafe(32))
            job_id = await self._site.launcher.submit(record.job, plan, script)
        except LLMError as error:
            await self._not_submitted(record, error)
            raise
        service = replace(record.service, id=job_id, reason="")
        await self._change(replace(record, job_id=job_id, service=service))
        self._watch.wake()
        return service

    async def _not_submitted(self, record: Record, error: LLMError) -> None:
        """What was refused has failed; of what nobody answered, the watch looks for the job."""
        if isinstance(error, InvalidRequestError):
            service = replace(
                record.service,
                state=ServiceState.FAILED,
                reason=error.message,
                ended_at=time.time(),
            )
            await self._change(replace(record, service=service))
        self._watch.wake()

    async def cancel(self, service_id: str, owner: str | None) -> Service:
        """End a service; its record stays. One that has ended stays as it ended.

        Raises:
            ServiceNotFoundError: There is none of this id, or it is somebody else's.
            ClusterError: The cluster does not answer; the service goes on.
        """
        record = await self._find(service_id, owner)
        if record.service.state.is_final:
            return record.service
        await self._site.launcher.cancel(record.job)
        record = self._records[record.key]
        if not record.service.state.is_final:
            service = replace(record.service, reason=CANCELLING)
            await self._change(replace(record, service=service, cancelled_at=time.time()))
        self._watch.wake()
        return self._dated(self._records[record.key])

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
        text = _whole_characters(data)
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
            await self._change(replace(record, service=replace(record.service, replicas=replicas)))

    async def _find(self, service_id: str, owner: str | None) -> Record:
        await self._ready()
        for record in self._records.values():
            if service_id in (record.service.id, record.key) and _may_see(record, owner):
                return record
        raise ServiceNotFoundError(
            f"There is no service {service_id[:100]!r} of yours. GET /api/v1/services lists them.",
            param="id",
        )

    def _taken_gpus(self) -> list[str]:
        going = [each for each in self._records.values() if not each.service.state.is_final]
        return [gpu for each in going for gpu in each.gpus.split(",") if gpu]

    async def _ready(self) -> None:
        """Once the rows have been read; a caller that leaves does not stop the others."""
        if self._loaded is None or (self._loaded.done() and _has_failed(self._loaded)):
            self._loaded = asyncio.create_task(self._load(), name="services")
        await asyncio.shield(self._loaded)

    async def _load(self) -> None:
        for row in await self._rows.all():
            try:
                record = from_row(row)
            except (ValueError, KeyError) as error:
                log.warning("The record of the service %s is not read: %s", row["key"], error)
                continue
            self._records.setdefault(record.key, record)
        self._watch.begin()

    async def _change(self, record: Record) -> None:
        """Take a record over, write it down and tell, if it is news."""
        if self._records.get(record.key) == record:
            return
        record = replace(record, service=replace(record.service, as_of=time.time()))
        self._records[record.key] = record
        self._tell(record)
        try:
            await self._rows.save(to_row(record))
        except LLMError as error:
            log.warning("The service %s is not written down now: %s", record.service.id, error)

    def _tell(self, record: Record) -> None:
        for listener in tuple(self._listeners):
            listener(self._dated(record))

    def _tell_all(self) -> None:
        for record in self._records.values():
            if not record.service.state.is_final:
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


def _whole_characters(data: bytes) -> bytes:
    """Without the beginning of a character whose end is not there yet, three bytes at most."""
    for cut in range(min(4, len(data) + 1)):
        part = data[: len(data) - cut]
        try:
            part.decode()
        except UnicodeDecodeError as error:
            if error.reason != "unexpected end of data":
                return data
            continue
        return part
    return data
