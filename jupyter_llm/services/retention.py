"""Records of services that ended long ago go, and with each the folder of its job."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING

from jupyter_llm.errors import LLMError
from jupyter_llm.services.folder import is_key

if TYPE_CHECKING:
    from collections.abc import Iterable

    from jupyter_llm.services.book import RecordBook
    from jupyter_llm.services.folder import Folders
    from jupyter_llm.services.record import Record

EVERY_S = 3600.0
AT_ONCE = 20
"""How many folders one command deletes."""

log = logging.getLogger(__name__)


def expired(records: Iterable[Record], keep_s: float, now: float) -> list[Record]:
    """Those that ended more than `keep_s` ago, the oldest first.

    One whose key is none of ours stays: a folder is never deleted by another name. So does a
    vector database: what people have put into it lies in its folder.
    """
    old = [
        each
        for each in records
        if each.service.state.is_final
        and each.service.ended_at is not None
        and now - each.service.ended_at > keep_s
        and each.service.kind != "vector-db"
        and is_key(each.key)
    ]
    return sorted(old, key=lambda each: each.service.ended_at or 0.0)


class Retention:
    """Clears up every hour; with a `keep_s` of 0 everything stays."""

    def __init__(self, book: RecordBook, folders: Folders, keep_s: float) -> None:
        self._book = book
        self._folders = folders
        self._keep_s = keep_s
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Clear up from now on."""
        if self._task is None and self._keep_s:
            self._task = asyncio.create_task(self._keep_clear(), name="services retention")

    async def stop(self) -> None:
        """Clear up no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def clear(self) -> None:
        """Delete what is too old: a folder first, and its record once the folder is gone.

        Raises:
            ClusterError: Folders cannot be deleted now.
            RegistryError: Records cannot be deleted now.
        """
        old = [each.key for each in expired(self._book, self._keep_s, time.time())]
        for at in range(0, len(old), AT_ONCE):
            keys = old[at : at + AT_ONCE]
            left = await self._folders.remove(keys)
            if left:
                log.warning("Folders of services cannot be deleted: %s", ", ".join(sorted(left)))
            await self._book.forget([key for key in keys if key not in left])

    async def _keep_clear(self) -> None:
        while True:
            try:
                await self.clear()
            except LLMError as error:
                log.warning("Old services are not deleted now: %s", error)
            except Exception:
                log.exception("Deleting old services failed; it is tried again.")
            await asyncio.sleep(EVERY_S)
