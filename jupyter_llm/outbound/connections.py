"""Connections to one server, kept open from one request to the next."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from jupyter_llm.outbound.connection import Connection

KEPT_S = 30.0
"""For how long a connection is kept that nobody uses."""


class UnreachableError(Exception):
    """No connection came about, so nothing was sent."""


@dataclass(frozen=True, slots=True)
class _Idle:
    connection: Connection
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
        self._idle: list[_Idle] = []
        self._is_closed = False

    async def take(self) -> tuple[Connection, bool]:
        """A connection, and whether it was used before.

        Raises:
            UnreachableError: There is none.
        """
        oldest = time.monotonic() - KEPT_S
        while self._idle:
            idle = self._idle.pop()
            if idle.since > oldest and not idle.connection.is_closed:
                return idle.connection, True
            idle.connection.close()
        return await self._opened(), False

    def give_back(self, connection: Connection) -> None:
        """Keep a connection for the next request."""
        if self._is_closed or len(self._idle) >= self._max_idle:
            connection.close()
            return
        self._idle.append(_Idle(connection, time.monotonic()))

    def close(self) -> None:
        """Close those that nobody uses, and keep none any more."""
        self._is_closed = True
        while self._idle:
            self._idle.pop().connection.close()

    async def _opened(self) -> Connection:
        try:
            async with asyncio.timeout(self._connect_timeout_s):
                return await (self._opened_socket() if self._socket_path else self._opened_host())
        except ssl.SSLError as error:
            raise UnreachableError(f"its certificate is not trusted ({error.reason})") from error
        except (OSError, TimeoutError) as error:
            raise UnreachableError("cannot be reached") from error

    async def _opened_socket(self) -> Connection:
        loop = asyncio.get_running_loop()
        _, opened = await loop.create_unix_connection(Connection, self._socket_path)
        return opened

    async def _opened_host(self) -> Connection:
        """A connection to the first address of the host that answers in its share of the time.

        asyncio can ask several at once, and then leaves sockets open that it gives up.
        """
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
        addresses = list(dict.fromkeys(str(info[4][0]) for info in found))
        for address in addresses[:-1]:
            try:
                async with asyncio.timeout(self._connect_timeout_s / len(addresses)):
                    return await self._opened_address(address)
            except ssl.SSLError:
                raise
            except OSError:
                continue
        return await self._opened_address(addresses[-1])

    async def _opened_address(self, address: str) -> Connection:
        loop, is_tls = asyncio.get_running_loop(), self._certificates is not None
        _, opened = await loop.create_connection(
            Connection,
            address,
            self._port,
            ssl=self._certificates,
            server_hostname=self._host if is_tls else None,
        )
        return opened
