"""One connection to a server, which carries one exchange at a time."""

from __future__ import annotations

import asyncio
from typing import Protocol, cast

_JOINED_BYTES = 64 << 10
"""A body up to this size goes out in one write with its head: that is one packet, and one wake."""


class ClosedError(Exception):
    """The other side has closed the connection, or sends what is no HTTP."""


class Listener(Protocol):
    """Hears what comes over a connection."""

    def data_received(self, data: bytes) -> None:
        """Take bytes."""

    def connection_lost(self) -> None:
        """Take note that no more will come."""


class Connection(asyncio.Protocol):
    """A connection; what comes goes to `listener`.

    A server that speaks while nobody listens has lost its place in the conversation, and the
    connection is closed.
    """

    def __init__(self) -> None:
        self.listener: Listener | None = None
        self.is_closed = False
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        if self.listener is None:
            self.close()
        else:
            self.listener.data_received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        del exc
        self.is_closed = True
        if self.listener is not None:
            self.listener.connection_lost()

    def write(self, head: bytes, body: bytes) -> None:
        """Send both.

        Raises:
            ClosedError: There is nobody to send it to.
        """
        if self._transport is None or self._transport.is_closing():
            raise ClosedError
        if len(body) <= _JOINED_BYTES:
            self._transport.write(head + body)
            return
        self._transport.write(head)
        self._transport.write(body)

    def pause(self) -> None:
        """Let the other side wait."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def resume(self) -> None:
        """Read on, if it was paused."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def close(self) -> None:
        """Close it now, whatever is still to be sent."""
        self.is_closed = True
        if self._transport is not None:
            self._transport.abort()
