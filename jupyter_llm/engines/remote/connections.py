"""Connections to one server of a service, kept open from one request to the next."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tornado.iostream import IOStream, StreamClosedError
from tornado.tcpclient import TCPClient
from tornado.util import TimeoutError as TornadoTimeoutError

if TYPE_CHECKING:
    from jupyter_llm.engines.remote.settings import Endpoint, Remote

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

    `certificates` are what a service with `https` is trusted by.
    """

    def __init__(
        self, remote: Remote, endpoint: Endpoint, certificates: ssl.SSLContext | None
    ) -> None:
        parts = urlsplit(endpoint.url)
        self._socket = endpoint.socket
        self._host = parts.hostname or ""
        self._port = parts.port or (443 if parts.scheme == "https" else 80)
        self._remote = remote
        self._certificates = certificates if parts.scheme == "https" else None
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
        if self._is_closed or len(self._idle) >= self._remote.concurrency:
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
            if self._socket:
                return await self._opened_socket()
            stream = await self._client.connect(
                self._host,
                self._port,
                ssl_options=self._certificates,
                timeout=self._remote.connect_timeout_s,
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
            async with asyncio.timeout(self._remote.connect_timeout_s):
                return await stream.connect(self._socket)
        except BaseException:
            stream.close()
            raise
