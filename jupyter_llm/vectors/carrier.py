"""Requests to one vector database, and what it answers.

The same connections as to other services, and no general client of HTTP: a search takes the
database about a millisecond, and httpx as long for sending it and reading the answer.
"""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from urllib.parse import urlsplit

from jupyter_llm.outbound.connection import ClosedError
from jupyter_llm.outbound.connections import Connections, UnreachableError
from jupyter_llm.outbound.exchange import Exchange
from jupyter_llm.vectors.address import Address

_CONNECT_S = 5.0
_MAX_CONNECTIONS = 32
_TRIES = 3
_SLOWEST_BYTES_S = 100_000
"""A body is given a second more for each of so many bytes: it may have a long way to go."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """The status and the body of an answer."""

    status: int
    body: bytes


class BrokenError(Exception):
    """No answer came, or a part of one; the message says why."""


class Carrier:
    """Carries requests to an address, some at a time; an answer may be silent for `timeout_s`.

    `certificates` are what a database with `https` is trusted by. It knows of no proxies: these
    must not see the key.
    """

    def __init__(
        self, address: Address, certificates: ssl.SSLContext | None, *, timeout_s: float
    ) -> None:
        parts = urlsplit(address.url)
        self._path = parts.path.rstrip("/")
        self._headers = {"Host": parts.netloc}
        if address.api_key:
            self._headers["api-key"] = address.api_key
        self._timeout_s = timeout_s
        self._places = asyncio.Semaphore(_MAX_CONNECTIONS)
        self._connections = Connections(
            address.url,
            socket_path=address.socket_path or "",
            certificates=certificates,
            connect_timeout_s=_CONNECT_S,
            max_idle=_MAX_CONNECTIONS,
        )

    async def carry(self, method: str, path: str, content: bytes | None, *, again: bool) -> Answer:
        """Send a request and wait for the whole answer.

        One that can be asked `again` is, where a connection that had been kept turns out to be
        closed by the other side.

        Raises:
            BrokenError: It cannot be reached, or breaks off.
            TimeoutError: It is silent, or has too much to do.
        """
        async with asyncio.timeout(self._timeout_s):
            await self._places.acquire()
        try:
            return await self._exchanged(method, path, content, num_tries=_TRIES if again else 1)
        except UnreachableError as error:
            raise BrokenError(str(error)) from error
        finally:
            self._places.release()

    def close(self) -> None:
        """Close the connections that nobody uses, and keep none any more."""
        self._connections.close()

    async def _exchanged(
        self, method: str, path: str, content: bytes | None, *, num_tries: int
    ) -> Answer:
        body = content or b""
        headers = self._headers | ({"Content-Type": "application/json"} if body else {})
        while True:
            num_tries -= 1
            connection, is_used = await self._connections.take()
            parts: list[bytes] = []
            patience_s = self._timeout_s + len(body) / _SLOWEST_BYTES_S
            exchange = Exchange(connection, parts.append, patience_s)
            try:
                await exchange.run(method, f"{self._path}{path}", headers, body)
            except ClosedError:
                if is_used and num_tries and not exchange.status:
                    continue
            if exchange.is_open:
                self._connections.give_back(connection)
            if not exchange.is_over:
                raise BrokenError("it closed the connection before its answer was complete")
            return Answer(status=exchange.status, body=b"".join(parts) or exchange.error_body)
