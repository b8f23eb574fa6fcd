"""Keeps the records of services true, with one question to the launcher for all of them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from jupyter_llm.errors import ClusterError, LLMError
from jupyter_llm.services.decide import stands
from jupyter_llm.services.readiness import Readiness
from jupyter_llm.types import ServiceState

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from jupyter_llm.services.book import RecordBook
    from jupyter_llm.services.folder import Account
    from jupyter_llm.services.launcher import Sight
    from jupyter_llm.services.record import Record
    from jupyter_llm.services.site import Site

_FORCE_AFTER_S = 30.0
IDLE_S = 60.0
"""How long nothing is looked at while nothing runs."""

log = logging.getLogger(__name__)


class Watch:
    """Looks every `poll_s` while there is a service that has not ended; belongs to one loop.

    `on_stale` is called when the launcher ceases to answer and when it answers again,
    `after_look` after each look. What the records say was true at `as_of`, in seconds since the
    epoch; `is_stale` says that nobody answers.
    """

    def __init__(
        self,
        site: Site,
        book: RecordBook,
        poll_s: float,
        *,
        on_stale: Callable[[], None],
        after_look: Callable[[], Awaitable[None]],
    ) -> None:
        self.as_of = 0.0
        self.is_stale = False
        self._site = site
        self._book = book
        self._on_stale = on_stale
        self._after_look = after_look
        self._poll_s = poll_s
        self._readiness = Readiness(site.shell)
        self._secrets: dict[str, str] = {}
        self._task: asyncio.Task[None] | None = None
        self._news = asyncio.Event()

    def begin(self) -> None:
        """Look from now on."""
        if self._task is None:
            self._task = asyncio.create_task(self._keep_looking(), name="services")

    def wake(self) -> None:
        """Look soon: something has changed."""
        self._news.set()

    async def stop(self) -> None:
        """Look no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def look(self) -> None:
        """Look once at all that has not ended."""
        going = self._book.going()
        if not going:
            return
        asked_at = time.time()
        try:
            sights = await self._site.launcher.look([each.job for each in going])
            accounts = await self._accounts(going, sights)
        except ClusterError as error:
            log.warning("How services stand is not known now: %s", error)
            self._note(is_stale=True)
            return
        # at once: each waits for its own servers alone
        await asyncio.gather(
            *(
                self._bring_up(each.key, sights.get(each.key), accounts.get(each.folder), asked_at)
                for each in going
                if not _is_no_news(each, sights.get(each.key))
            )
        )
        self.as_of = asked_at
        self._note(is_stale=False)

    def _pause_s(self) -> float:
        return self._poll_s if self._book.going() else max(self._poll_s, IDLE_S)

    def _note(self, *, is_stale: bool) -> None:
        if self.is_stale != is_stale:
            self.is_stale = is_stale
            self._on_stale()

    async def _accounts(
        self, going: list[Record], sights: Mapping[str, Sight]
    ) -> Mapping[str, Account]:
        """What the jobs say of themselves, of those where it matters now."""
        folders = [each.folder for each in going if _is_to_ask(each, sights.get(each.key))]
        return await self._site.folders.accounts(folders)

    async def _bring_up(
        self, key: str, sight: Sight | None, account: Account | None, asked_at: float
    ) -> None:
        # what was created meanwhile could not be seen yet
        if self._book.get(key).service.created_at > asked_at:
            return
        await self._end_remains(self._book.get(key), sight)
        record = stands(self._book.get(key), sight, account, asked_at)
        ready = await self._ready_replicas(record)
        # from the record as it is by now: a request to cancel may have come meanwhile
        record = stands(self._book.get(key), sight, account, asked_at, ready)
        await self._book.change(record)

    async def _ready_replicas(self, record: Record) -> set[str]:
        """The ids of those that have just answered for the first time."""
        waiting = [
            each for each in record.service.replicas if each.state is ServiceState.CONFIGURING
        ]
        if not waiting:
            return set()
        secret = await self._secret(record)
        answers = await asyncio.gather(
            *(self._readiness.answers(each, record.health, secret) for each in waiting)
        )
        return {each.id for each, is_ready in zip(waiting, answers, strict=True) if is_ready}

    async def _secret(self, record: Record) -> str:
        if record.key not in self._secrets:
            self._secrets[record.key] = await self._site.folders.secret_of(record.folder)
        return self._secrets[record.key]

    async def _end_remains(self, record: Record, sight: Sight | None) -> None:
        """Kill what does not end though it was asked to, and what a killed script has left."""
        with contextlib.suppress(ClusterError):
            if sight is None and record.service.started_at is not None:
                await self._site.launcher.sweep(record.job)
            elif sight is not None and record.cancelled_at is not None:
                is_late = time.time() - record.cancelled_at > _FORCE_AFTER_S
                job = replace(record.job, job_id=sight.job_id)
                await self._site.launcher.cancel(job, by_force=is_late)

    async def _keep_looking(self) -> None:
        while True:
            self._news.clear()
            try:
                await self.look()
                await self._after_look()
            except LLMError as error:
                log.warning("The services are not seen to now: %s", error)
            except Exception:
                log.exception("Looking at the services failed; it is tried again.")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._pause_s()):
                    await self._news.wait()


def _is_to_ask(record: Record, sight: Sight | None) -> bool:
    """Whether the job's folder has news: servers to come, or a last word."""
    if sight is None or sight.state.is_final:
        return True
    service = record.service
    known = [each for each in service.replicas if each.state is ServiceState.RUNNING]
    return sight.state is ServiceState.RUNNING and len(known) < service.num_replicas


def _is_no_news(record: Record, sight: Sight | None) -> bool:
    """Whether it is seen as it was, with all of its servers; of a thousand, most are."""
    service = record.service
    return (
        sight is not None
        and record.cancelled_at is None
        and sight.state is service.state is ServiceState.RUNNING
        and (sight.job_id, sight.nodes, sight.reason) == (service.id, service.nodes, service.reason)
        and not _is_to_ask(record, sight)
    )
