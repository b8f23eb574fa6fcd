"""The memory that models are loaded into, shared with every other server of the machine."""

from __future__ import annotations

import asyncio
from functools import cache
from typing import TYPE_CHECKING, TypeVar

from jupyter_llm.hardware.books import Books
from jupyter_llm.hardware.neighbourhood import Neighbourhood

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from jupyter_llm.hardware.devices import DeviceReader, Reading
    from jupyter_llm.hardware.ledger import Ledger
    from jupyter_llm.hardware.need import Need
    from jupyter_llm.hardware.survey import Survey

T = TypeVar("T")

TELL_INTERVAL_S = 0.5
"""How often a load under way tells the other servers what it has taken by now."""


class Reservation:
    """Memory that nobody else is promised, from before a load to the end of its model."""

    def __init__(self, pool: MemoryPool, key: object) -> None:
        self._pool = pool
        self._key = key

    async def settle(self, num_bytes: int) -> None:
        """The model is in memory and takes `num_bytes`: the devices count them as used now."""
        await self._pool.settle(self._key, num_bytes)

    async def release(self) -> None:
        """The memory is free again; safe to call twice."""
        await self._pool.release(self._key)


class MemoryPool:
    """Promises memory, so that no two loads on this machine count on the same bytes.

    `margin_bytes` of every device stay free. Without a ledger, or with one that cannot be
    used, this server sees itself alone. Coroutines belong to one event loop and have `Books`
    do the work in threads; `survey` and `close` block.
    """

    def __init__(
        self,
        *,
        read: Callable[[], Reading] | None = None,
        ledger: Ledger | None = None,
        margin_bytes: int = 0,
    ) -> None:
        self._neighbourhood = Neighbourhood(ledger)
        self._books = Books(
            read=read or _reader_of_devices(),
            neighbourhood=self._neighbourhood,
            margin_bytes=margin_bytes,
        )
        self._telling: asyncio.Task[None] | None = None

    async def free_bytes(self, need: Need) -> int:
        """What such a model could take now, beside the margin; below zero if that is gone."""
        return await _in_thread(lambda: self._books.free_bytes(need))

    async def capacities(self, kinds: Iterable[str]) -> dict[str, int]:
        """What a model could take if all models of this server had left, by kind of device.

        `UNBOUNDED_BYTES` where nobody can say.
        """
        return await _in_thread(lambda: self._books.capacities(kinds))

    async def reserve(self, need: Need) -> Reservation | None:
        """Promise a model its memory, or return `None` if there is not enough.

        A caller that is cancelled has reserved nothing.
        """
        key = object()
        loop = asyncio.get_running_loop()
        admission = loop.run_in_executor(None, self._books.admit, key, need)
        try:
            is_promised = await asyncio.shield(admission)
        except asyncio.CancelledError:
            admission.add_done_callback(lambda _: loop.run_in_executor(None, self._books.drop, key))
            raise
        if not is_promised:
            return None
        self._follow_loads()
        return Reservation(self, key)

    async def settle(self, key: object, num_bytes: int) -> None:
        """See `Reservation.settle`."""
        await self._change(lambda: self._books.note_loaded(key, num_bytes))

    async def release(self, key: object) -> None:
        """See `Reservation.release`."""
        await self._change(lambda: self._books.drop(key))

    def survey(self) -> Survey:
        """Who holds what of every device; blocks."""
        return self._books.survey()

    def close(self) -> None:
        """Take this server out of the ledger; blocks."""
        self._books.close()

    async def _change(self, work: Callable[[], None]) -> None:
        """Do `work` in a thread, after which a load may be over."""
        try:
            await _in_thread(work)
        finally:
            self._follow_loads()

    def _follow_loads(self) -> None:
        """Have others told how far loads are, while there are some."""
        is_needed = self._neighbourhood.is_watched and self._books.is_loading
        if is_needed and (self._telling is None or self._telling.done()):
            self._telling = asyncio.create_task(self._tell_others(), name="memory ledger")
        elif self._telling is not None and not is_needed:
            self._telling.cancel()
            self._telling = None

    async def _tell_others(self) -> None:
        while True:
            await asyncio.sleep(TELL_INTERVAL_S)
            await _in_thread(self._books.tell)


async def _in_thread(work: Callable[[], T]) -> T:
    """Do `work` in a thread, to its end also if the caller is cancelled."""
    return await asyncio.shield(asyncio.get_running_loop().run_in_executor(None, work))


def _reader_of_devices() -> Callable[[], Reading]:
    """Reads the devices of this machine; what that takes is imported in the first thread."""

    @cache
    def reader() -> DeviceReader:
        from jupyter_llm.hardware.devices import DeviceReader

        return DeviceReader()

    return lambda: reader().read()
