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
    gets many events at a time, so that passing them on costs little for each.
    """

    def __init__(self, upstream: Upstream, route: str, body: bytes) -> None:
        self._waiting = bytearray()
        self._news, self._room = asyncio.Event(), asyncio.Event()
        self._room.set()
        self._error: LLMError | None = None
        self._task = asyncio.create_task(self._read(upstream, route, body))

    async def parts(self) -> AsyncGenerator[bytes, None]:
        """What has come since the last step, until there is no more.

        Raises:
            LLMError: What `Upstream.stream` raises, or what `end` was given.
        """
        while True:
            await self._news.wait()
            self._news.clear()
            data, self._waiting = bytes(self._waiting), bytearray()
            self._room.set()
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
        if patience_s:
            await asyncio.wait({self._task}, timeout=patience_s)
        self._task.cancel()
        await asyncio.wait({self._task})

    async def _read(self, upstream: Upstream, route: str, body: bytes) -> None:
        try:
            async with upstream.stream(route, body) as parts:
                async for part in parts:
                    await self._put(part)
        except LLMError as error:
            self._error = self._error or error
        finally:
            # when the task is done
            asyncio.get_running_loop().call_soon(self._news.set)

    async def _put(self, part: bytes) -> None:
        self._waiting += part
        self._news.set()
        if len(self._waiting) > MAX_WAITING_BYTES:
            self._room.clear()
            await self._room.wait()
