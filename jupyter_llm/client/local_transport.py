"""HTTP to a server of the same machine, at a fraction of the usual cost.

httpx's own transport takes about a millisecond of a processor for a request, this one a
quarter of that at most: where the server computes on the same cores, and answers are short,
that is what many rows wait for. It knows HTTP/1.1 as far as Jupyter's server speaks it, without
encryption.
"""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import httpx

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

_PIECE_BYTES = 1 << 16
_HEAD_BYTES = 1 << 18


class LocalTransport(httpx.AsyncBaseTransport):
    """Connections to one server, each used again when its answer was read to the end.

    `socket_path` is the UNIX socket that the server listens on, if it does.
    """

    def __init__(self, *, socket_path: str | None = None) -> None:
        self._socket_path = socket_path
        self._idle: list[_Connection] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; the answer is there with its headers, and read as it comes.

        Raises:
            httpx.TransportError: As every transport of httpx.
        """
        timeouts: dict[str, float | None] = request.extensions.get("timeout", {})
        connection = self._idle_one() or await self._connected(request.url, timeouts)
        try:
            with _translated():
                connection.writer.write(_head(request) + await request.aread())
                async with asyncio.timeout(timeouts.get("read")):
                    head = await connection.reader.readuntil(b"\r\n\r\n")
            status, headers = _parsed(head)
            body = _Body(connection, headers, timeouts.get("read"), self._idle.append)
            return httpx.Response(status, headers=headers, stream=body)
        except BaseException:
            connection.writer.close()
            raise

    async def aclose(self) -> None:
        """Close the connections that nobody uses."""
        while self._idle:
            self._idle.pop().writer.close()
        await asyncio.sleep(0)  # sockets are closed in the next turn of the loop

    def _idle_one(self) -> _Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if not connection.reader.at_eof():
                return connection
            connection.writer.close()
        return None

    async def _connected(self, url: httpx.URL, timeouts: dict[str, float | None]) -> _Connection:
        try:
            async with asyncio.timeout(timeouts.get("connect")):
                if self._socket_path is not None:
                    streams = await asyncio.open_unix_connection(
                        self._socket_path, limit=_HEAD_BYTES
                    )
                else:
                    streams = await asyncio.open_connection(
                        url.host, url.port or 80, limit=_HEAD_BYTES
                    )
        except TimeoutError as exc:
            raise httpx.ConnectTimeout("It takes too long to connect.") from exc
        except OSError as exc:
            raise httpx.ConnectError(str(exc)) from exc
        return _Connection(*streams)


class _Connection(NamedTuple):
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


class _Body(httpx.AsyncByteStream):
    """The body of an answer; `release` takes the connection back if it can be used again."""

    def __init__(
        self,
        connection: _Connection,
        headers: list[tuple[bytes, bytes]],
        silence_s: float | None,
        release: Callable[[_Connection], Any],
    ) -> None:
        self._connection = connection
        self._headers = {name.lower(): value.lower() for name, value in headers}
        self._silence_s = silence_s
        self._release = release
        self._is_whole = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if b"chunked" in self._headers.get(b"transfer-encoding", b""):
            pieces = self._chunks()
        elif b"content-length" in self._headers:
            pieces = self._counted(int(self._headers[b"content-length"]))
        else:
            pieces = self._rest()
        with _translated():
            async for piece in pieces:
                yield piece
        self._is_whole = True

    async def aclose(self) -> None:
        """Give the connection back, or close it: what is still to come is nobody's then."""
        if self._is_whole and self._headers.get(b"connection") != b"close":
            self._release(self._connection)
        else:
            self._connection.writer.close()

    async def _chunks(self) -> AsyncIterator[bytes]:
        reader = self._connection.reader
        while True:
            async with asyncio.timeout(self._silence_s):
                size = int((await reader.readuntil(b"\r\n")).split(b";")[0], 16)
                piece = await reader.readexactly(size + 2)
            if not size:
                return
            yield piece[:-2]

    async def _counted(self, num_bytes: int) -> AsyncIterator[bytes]:
        left = num_bytes
        while left:
            async with asyncio.timeout(self._silence_s):
                piece = await self._connection.reader.read(min(left, _PIECE_BYTES))
            if not piece:
                raise asyncio.IncompleteReadError(b"", left)
            left -= len(piece)
            yield piece

    async def _rest(self) -> AsyncIterator[bytes]:
        self._headers[b"connection"] = b"close"
        while True:
            async with asyncio.timeout(self._silence_s):
                piece = await self._connection.reader.read(_PIECE_BYTES)
            if not piece:
                return
            yield piece


def _head(request: httpx.Request) -> bytes:
    lines = [b"%s %s HTTP/1.1" % (request.method.encode(), request.url.raw_path)]
    lines += [b"%s: %s" % header for header in request.headers.raw]
    return b"\r\n".join([*lines, b"", b""])


def _parsed(head: bytes) -> tuple[int, list[tuple[bytes, bytes]]]:
    status_line, *lines = head[:-4].split(b"\r\n")
    try:
        status = int(status_line.split(b" ", 2)[1])
        pairs = [line.split(b":", 1) for line in lines]
        return status, [(name, value.strip()) for name, value in pairs]
    except (IndexError, ValueError) as exc:
        raise httpx.RemoteProtocolError("What answers does not speak HTTP.") from exc


@contextmanager
def _translated() -> Iterator[None]:
    """What goes wrong on the way, in httpx's words."""
    try:
        yield
    except TimeoutError as exc:
        raise httpx.ReadTimeout("Nothing came for too long.") from exc
    except asyncio.IncompleteReadError as exc:
        raise httpx.RemoteProtocolError("The server closed the connection.") from exc
    except (asyncio.LimitOverrunError, ValueError) as exc:
        raise httpx.RemoteProtocolError("What answers does not speak HTTP.") from exc
    except OSError as exc:
        raise httpx.ReadError(str(exc)) from exc
