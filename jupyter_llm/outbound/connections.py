"""Connections to one server, kept open from one request to the next."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from tornado.iostream import IOStream, StreamClosedError
from tornado.tcpclient import TCPClient
from tornado.util import TimeoutError as TornadoTimeoutError

KEPT_S = 30.0
"""For how long a connection is kept that nobody uses."""


class UnreachableError(Exception):
    """No connection came about, so nothing was sent."""


@dataclass(frozen=True, slots=True)
class _Idle:
    stream: IOStream
    since: float


class Connections:
    """Opens connections, takes them back and gives them out again, the latest first.

    They go to the host and port of `url`, or to the Unix socket at `socket_path` whatever host the
    URL names. `certificates` are what a server with `https` is trusted by; `max_idle` connections
    are kept that nobody uses.
    """

    def __init__(
        self,
        url: str,
        *,
        socket_path: str = "",
        certificates: ssl.SSLContext | None = None,
        connect_timeout_s: float = 5.0,
        max_idle: int = 16,
    ) -> None:
        parts = urlsplit(url)
        self._socket_path = socket_path
        self._host = parts.hostname or ""
        self._port = parts.port or (443 if parts.scheme == "https" else 80)
        self._certificates = certificates if parts.scheme == "https" else None
        self._connect_timeout_s = connect_timeout_s
        self._max_idle = max_idle
        self._client = TCPClient()
        self._idle: list[_Idle] = []
        self._is_closed = False

    async def take(self) -> tuple[IOStream, bool]:
        """A connection, and whether it was used before.

        Raises:
            UnreachableError: There is none.
        """
        oldest = time.monotonic() - KEPT_S
        while self._idle:
            idle = self._idle.pop()
            if idle.since > oldest and not idle.stream.closed():
                return idle.stream, True
            idle.stream.close()
        return await self._opened(), False

    def give_back(self, stream: IOStream) -> None:
        """Keep a connection for the next request."""
        if self._is_closed or len(self._idle) >= self._max_idle:
            stream.close()
            return
        # so that its end is noticed while it waits
        stream.set_close_callback(lambda: None)
        self._idle.append(_Idle(stream, time.monotonic()))

    def close(self) -> None:
        """Close those that nobody uses, and keep none any more."""
        self._is_closed = True
        while self._idle:
            self._idle.pop().stream.close()
        self._client.close()

    async def _opened(self) -> IOStream:
        try:
            if self._socket_path:
                return await self._opened_socket()
            stream = await self._client.connect(
                self._host,
                self._port,
                ssl_options=self._certificates,
                timeout=self._connect_timeout_s,
            )
        except ssl.SSLError as error:
            raise UnreachableError(f"its certificate is not trusted ({error.reason})") from error
        except (OSError, StreamClosedError, TimeoutError, TornadoTimeoutError) as error:
            raise UnreachableError("cannot be reached") from error
        stream.set_nodelay(True)
        return stream

    async def _opened_socket(self) -> IOStream:
        stream = IOStream(socket.socket(socket.AF_UNIX))
        try:
            async with asyncio.timeout(self._connect_timeout_s):
                return await stream.connect(self._socket_path)
        except BaseException:
            stream.close()
            raise
