"""Starts a service: decided, written down, and only then submitted."""

from __future__ import annotations

import asyncio
import secrets
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from jupyter_llm.errors import InvalidRequestError, LLMError
from jupyter_llm.services.launcher import Job
from jupyter_llm.services.plan import plan as plan_of
from jupyter_llm.services.record import Record, planned
from jupyter_llm.services.script import render
from jupyter_llm.types import ServiceState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jupyter_llm.services.cookbook import Cookbook
    from jupyter_llm.services.plan import Plan
    from jupyter_llm.services.site import Site

_KEY_BYTES, _SECRET_BYTES = 6, 32


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """What somebody wants to have started.

    A successor has the id of the service that it takes over from, that one's API key as its
    `secret`, and a `key` that it is to have; every other service gets new ones.
    """

    recipe: str
    config: Mapping[str, Any]
    owner: str
    name: str = ""
    successor_of: str = ""
    secret: str = ""
    key: str = ""


class Book(Protocol):
    """Where records are kept, in memory and in the registry."""

    def get(self, key: str) -> Record:
        """The record as it is now."""
        ...

    def taken_gpus(self) -> list[str]:
        """The GPUs of services that have not ended."""
        ...

    async def take_up(self) -> None:
        """Read what other servers have begun."""
        ...

    async def add(self, record: Record) -> None:
        """Write a new record down; it counts only if that succeeds."""
        ...

    async def change(self, record: Record) -> None:
        """Put a record in the place of an earlier one."""
        ...


class Submission:
    """Submits to one site; belongs to one event loop."""

    def __init__(self, cookbook: Cookbook, site: Site, book: Book) -> None:
        self._cookbook = cookbook
        self._site = site
        self._book = book
        self._one_at_a_time = asyncio.Lock()

    async def submit(self, order: Order) -> Record:
        """Start what is ordered; see `Services.create`.

        Raises:
            ClaimedError: It has a key, which another server has written down.
        """
        recipe = await asyncio.to_thread(self._cookbook.recipe, order.recipe)
        plan = plan_of(recipe, order.config)
        # one after the other: two must not be given the same GPUs
        async with self._one_at_a_time:
            record = await self._written_down(plan, order)
        # shielded: a client that leaves must not leave a job behind whose id nobody noted
        return await asyncio.shield(asyncio.create_task(self._begin(record, plan, order)))

    async def _written_down(self, plan: Plan, order: Order) -> Record:
        launcher = self._site.launcher
        if launcher.is_local and plan.resources.gpu:
            # another server of this user may have given some away
            await self._book.take_up()
        gpus = await launcher.check(plan, self._book.taken_gpus())
        key = order.key or f"{launcher.name}-{secrets.token_hex(_KEY_BYTES)}"
        folder = await self._site.folders.path_of(key)
        job = Job(key=key, folder=folder, job_id=launcher.new_id(key))
        record = planned(plan, job, owner=order.owner, name=order.name, now=time.time())
        service = replace(record.service, successor_of=order.successor_of)
        record = replace(record, service=service, gpus=gpus, config=dict(order.config))
        await self._book.add(record)
        return record

    async def _begin(self, record: Record, plan: Plan, order: Order) -> Record:
        script = render(plan, self._site.place(record.folder, record.gpus))
        secret = order.secret or secrets.token_urlsafe(_SECRET_BYTES)
        try:
            await self._site.folders.make(record.folder, secret)
            job_id = await self._site.launcher.submit(record.job, plan, script)
        except InvalidRequestError as error:
            await self._refused(record, error)
            raise
        # as it is by now: the watch may have seen it, or somebody have cancelled it
        latest = self._book.get(record.key)
        is_waiting = latest.service.state is ServiceState.PENDING and latest.cancelled_at is None
        reason = "" if is_waiting else latest.service.reason
        service = replace(latest.service, id=job_id, reason=reason)
        await self._book.change(replace(latest, job_id=job_id, service=service))
        return self._book.get(record.key)

    async def _refused(self, record: Record, error: LLMError) -> None:
        """It has failed; of what nobody has answered, the watch looks for the job."""
        service = replace(
            record.service,
            state=ServiceState.FAILED,
            reason=error.message,
            ended_at=time.time(),
        )
        await self._book.change(replace(record, service=service))
