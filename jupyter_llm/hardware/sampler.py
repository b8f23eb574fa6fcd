"""Figures that many ask for and one thread reads."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class Sampler(Generic[T]):
    """Calls `read` in a thread, once in `min_interval_s` at most, and keeps what it said.

    It belongs to one event loop.
    """

    def __init__(self, read: Callable[[], T], *, min_interval_s: float = 1.0) -> None:
        self._read = read
        self._min_interval_s = min_interval_s
        self._sample: asyncio.Future[T] | None = None
        self._read_at = 0.0

    async def latest(self) -> T:
        """The last figures, read anew if they are older than the interval.

        All callers share one reading; one that leaves does not end it.
        """
        if self._sample is None or self._is_old(self._sample):
            self._read_at = time.monotonic()
            self._sample = asyncio.ensure_future(asyncio.to_thread(self._read))
        return await asyncio.shield(self._sample)

    def _is_old(self, sample: asyncio.Future[T]) -> bool:
        if not sample.done():
            return False
        is_failed = sample.cancelled() or sample.exception() is not None
        return is_failed or time.monotonic() - self._read_at >= self._min_interval_s
