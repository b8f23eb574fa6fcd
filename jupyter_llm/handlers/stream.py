"""Server-sent events over one response."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Self

from tornado.http1connection import HTTP1Connection
from tornado.iostream import StreamClosedError

from .wire.sse import KEEP_ALIVE

if TYPE_CHECKING:
    from types import TracebackType

    from tornado.web import RequestHandler

KEEP_ALIVE_S = 10.0
"""Proxies close a connection on which nothing comes for a minute or half of one."""

_HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-cache",
    # nginx would hold events back until it has a buffer full
    "X-Accel-Buffering": "no",
}


class EventStream:
    """Writes events as they come, and a comment whenever none has come for a while.

    Headers go out with the first of either: what fails before has a status of its
    own, what fails afterwards (`is_open`) can only be told by an event.
    """

    def __init__(self, handler: RequestHandler) -> None:
        self._handler = handler
        self._keep_alive_s = KEEP_ALIVE_S
        self._loop = asyncio.get_running_loop()
        self._sent_at = self._loop.time()
        self.is_open = False

    def __enter__(self) -> Self:
        self._timer = self._loop.call_later(self._keep_alive_s, self._keep_alive)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._timer.cancel()

    async def send(self, events: bytes) -> None:
        """Write events and wait until the socket has taken them.

        Raises:
            StreamClosedError: The client has left.
        """
        await self._write(events)

    def _write(self, data: bytes) -> asyncio.Future[None]:
        if not self.is_open:
            self.is_open = True
            for name, value in _HEADERS.items():
                self._handler.set_header(name, value)
            _send_small_parts_at_once(self._handler)
        self._sent_at = self._loop.time()
        self._handler.write(data)
        return self._handler.flush()

    def _keep_alive(self) -> None:
        silent_s = self._loop.time() - self._sent_at
        if silent_s >= self._keep_alive_s:
            self._write(KEEP_ALIVE).add_done_callback(_ignore_closed)
            silent_s = 0.0
        self._timer = self._loop.call_later(self._keep_alive_s - silent_s, self._keep_alive)


def _send_small_parts_at_once(handler: RequestHandler) -> None:
    """Have no event wait until the client has confirmed the one before.

    Tornado turns this off again at the end of the response.
    """
    connection = handler.request.connection
    if isinstance(connection, HTTP1Connection):
        connection.stream.set_nodelay(True)


def _ignore_closed(written: asyncio.Future[None]) -> None:
    """A client that has left is noticed by its connection's own callback."""
    error = None if written.cancelled() else written.exception()
    if error is not None and not isinstance(error, StreamClosedError):
        raise error
