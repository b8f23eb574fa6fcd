"""Starts successors where they are due, and ends what they have taken over from."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from jupyter_llm.errors import InvalidRequestError, LLMError
from jupyter_llm.services.book import ClaimedError
from jupyter_llm.services.hand_over import may_go, need_successors, successor_key
from jupyter_llm.services.submission import Order

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from jupyter_llm.services.book import RecordBook
    from jupyter_llm.services.folder import Folders
    from jupyter_llm.services.record import Record
    from jupyter_llm.types import Service

log = logging.getLogger(__name__)


class Succession:
    """See `hand_over` for the rules; `submit` starts a service, `cancel` ends one, and says why."""

    def __init__(
        self,
        book: RecordBook,
        folders: Folders,
        lead_s: float,
        *,
        submit: Callable[[Order], Awaitable[Service]],
        cancel: Callable[[Record, str], Awaitable[None]],
    ) -> None:
        self._book = book
        self._folders = folders
        self._lead_s = lead_s
        self._submit = submit
        self._cancel = cancel
        self._without: set[str] = set()

    async def see_to(self) -> None:
        """Do what is due now.

        Raises:
            ClusterError: The cluster does not answer.
        """
        now = time.time()
        for before, after in may_go(self._book, now):
            await self._cancel(before, f"{after.service.id} has taken over from it.")
        for record in need_successors(self._book, self._lead_s, now):
            if record.key not in self._without:
                await self._start(record)

    async def _start(self, before: Record) -> None:
        service = before.service
        try:
            await self._submit(await self._order(before))
        except ClaimedError:
            # another server starts it, of which this one hears now
            await self._book.take_up()
        except LLMError as error:
            log.warning("%s gets no successor now: %s", service.id, error)
            if isinstance(error, InvalidRequestError):
                self._without.add(before.key)

    async def _order(self, before: Record) -> Order:
        service = before.service
        return Order(
            recipe=service.recipe,
            config=before.config,
            owner=service.owner,
            name=service.name,
            successor_of=service.id,
            secret=await self._folders.secret_of(before.folder),
            key=successor_key(before.key),
        )
