"""Bytes that a service sends, read ahead while their reader is busy with earlier ones."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING

from jupyter_llm.errors import LLMError

if TYPE_CHECKING:
    from jupyter_llm.engines.remote.upstream import Upstream

MAX_WAITING_BYTES = 1 << 20
"""Read ahead; then the service waits for the reader."""


class Inflow:
    """The answer to one request, all that has come at each step; `end` cuts it off.

    One task does all that concerns the connection. A reader that is slower than the service
    gets many events at a time, so that passing them on costs little for each. See
    `Upstream.fetch` for `insists`.
    """

    def __init__(self, upstream: Upstream, route: str, body: bytes, *, insists: bool) -> None:
        self._waiting = bytearray()
        self._news = asyncio.Event()
        self._room: asyncio.Future[None] | None = None
        self._error: LLMError | None = None
        self._task = asyncio.create_task(self._read(upstream, route, body, insists=insists))
        self._task.add_done_callback(lambda _: self._news.set())

    async def parts(self) -> AsyncGenerator[bytes, None]:
        """What has come since the last step, until there is no more.

        Raises:
            LLMError: What `Upstream.fetch` raises, or what `end` was given.
        """
        while True:
            await self._news.wait()
            self._news.clear()
            data, self._waiting = bytes(self._waiting), bytearray()
            self._make_room()
            if data:
                yield data
            elif self._task.done():
                break
        if self._error is not None:
            raise self._error

    def end(self, error: LLMError) -> None:
        """Read no further; whoever waits for more is told why."""
        self._error = error
        self._task.cancel()

    async def close(self, patience_s: float = 0.0) -> None:
        """Close the connection, or leave it for the next request if the answer ends in time."""
        try:
            if patience_s:
                await asyncio.wait({self._task}, timeout=patience_s)
        finally:
            self._task.cancel()
        await asyncio.wait({self._task})

    async def _read(self, upstream: Upstream, route: str, body: bytes, *, insists: bool) -> None:
        try:
            await upstream.fetch(route, body, self._put, insists=insists)
        except LLMError as error:
            self._error = self._error or error

    def _put(self, part: bytes) -> asyncio.Future[None] | None:
        """Take a part; what is returned is done when there is room for more."""
        self._waiting += part
        self._news.set()
        if len(self._waiting) <= MAX_WAITING_BYTES:
            return None
        if self._room is None or self._room.done():
            self._room = asyncio.get_running_loop().create_future()
        return self._room

    def _make_room(self) -> None:
        if self._room is not None and not self._room.done():
            self._room.set_result(None)
