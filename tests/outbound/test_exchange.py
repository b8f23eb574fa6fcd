"""What comes over a connection, read as an answer or refused."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from jupyter_llm.outbound.connection import ClosedError
from jupyter_llm.outbound.connections import Connections
from jupyter_llm.outbound.exchange import Exchange

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable

WHOLE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@asynccontextmanager
async def server(*parts: bytes, closes: bool = False) -> AsyncIterator[Connections]:
    """Connections to a server that says `parts` to every request, each in a packet of its own."""
    writers = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        while await reader.read(1 << 16):
            for part in parts:
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(0.01)
            if closes:
                break
        writer.close()

    running = await asyncio.start_server(handle, "127.0.0.1", 0)
    connections = Connections(f"http://127.0.0.1:{running.sockets[0].getsockname()[1]}")
    try:
        yield connections
    finally:
        connections.close()
        running.close()
        for writer in writers:
            writer.close()
        await asyncio.sleep(0.01)


async def asked(
    connections: Connections, headers: dict[str, str] | None = None, silence_s: float = 30.0
) -> tuple[Exchange, bytes]:
    """One exchange over a connection, and the body that came."""
    connection, _ = await connections.take()
    parts: list[bytes] = []
    exchange = Exchange(connection, parts.append, silence_s)
    await exchange.run("GET", "/", headers or {"Host": "far"}, b"")
    if exchange.is_open:
        connections.give_back(connection)
    return exchange, b"".join(parts)


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
ENDLESS = b"HTTP/1.1 200 OK\r\n\r\nto the"


@pytest.mark.parametrize(
    ("parts", "closes", "body", "is_open"),
    [
        ((WHOLE,), False, b"ok", True),
        (tuple(bytes([one]) for one in WHOLE), False, b"ok", True),
        ((b"HTTP/1.1 100 Continue\r\nA: b\r\n\r\n", WHOLE), False, b"ok", True),
        ((b"HTTP/1.1 100 Continue\r\n\r\n" + WHOLE,), False, b"ok", True),
        ((CHUNKED, b"2\r\non", b"\r\n2;x=y\r\nce\r\n0", b"\r\n\r\n"), False, b"once", True),
        ((CHUNKED + b"2\r\nok\r\n0\r\nTrailer: x\r\n\r\n",), False, b"ok", True),
        ((b"HTTP/1.1 204 No Content\r\n\r\n",), False, b"", True),
        ((b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",), False, b"ok", False),
        ((WHOLE.replace(b"OK", b"OK\r\nConnection: close"),), False, b"ok", False),
        ((ENDLESS, b" end"), True, b"to the end", False),
        ((WHOLE + WHOLE,), False, b"ok", False),
    ],
)
async def test_an_answer_is_read_however_it_comes(
    parts: tuple[bytes, ...], closes: bool, body: bytes, is_open: bool
) -> None:
    async with server(*parts, closes=closes) as connections:
        for number in range(2):
            exchange, came = await asked(connections)
            assert (came, exchange.is_over, exchange.is_open) == (body, True, is_open), number


@pytest.mark.parametrize(
    "parts",
    [
        (b"SSH-2.0-OpenSSH_9.2\r\n",),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok",),
        (CHUNKED + b"2\r\nok\r\n",),
        (CHUNKED + b"x\r\nok\r\n",),
        (b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n\0",),
        (
            b"HTTP/1.1 200 OK\r\n"
            + b"".join(b"X-%d: %s\r\n" % (n, b"x" * 1000) for n in range(200)),
        ),
        (),
    ],
)
async def test_what_is_no_answer_closes_the_connection(parts: tuple[bytes, ...]) -> None:
    async with server(*parts, closes=True) as connections:
        with pytest.raises(ClosedError):
            await asked(connections)


async def test_a_body_of_an_error_is_kept_in_part() -> None:
    head = b"HTTP/1.1 500 No\r\nRetry-After: 7\r\nContent-Length: %d\r\n\r\n" % (1 << 20)
    async with server(head + b"x" * (1 << 20)) as connections:
        exchange, came = await asked(connections)
    assert (exchange.status, exchange.headers["retry-after"], came) == (500, "7", b"")
    assert exchange.error_body == b"x" * (64 << 10)
    assert exchange.is_open


async def test_a_header_of_several_lines_is_not_sent() -> None:
    async with server(WHOLE) as connections:
        with pytest.raises(ValueError, match="several lines"):
            await asked(connections, {"Host": "far", "Key": "a\r\nHost: near"})


async def test_who_takes_the_parts_sets_the_pace_and_nobody_is_silent_meanwhile() -> None:
    size = 4 << 20
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size
    async with server(head + b"x" * size) as connections:
        connection, _ = await connections.take()
        sizes: list[int] = []
        rooms: list[asyncio.Future[None]] = []

        def take(part: bytes) -> Awaitable[None]:
            sizes.append(len(part))
            rooms.append(asyncio.get_running_loop().create_future())
            return rooms[-1]

        exchange = Exchange(connection, take, 0.2)
        running = asyncio.create_task(exchange.run("GET", "/", {"Host": "far"}, b""))
        while not rooms:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.5)
        assert len(sizes) == 1, "it reads on"
        assert not running.done(), "it was thought silent"
        while not running.done():
            for room in rooms:
                if not room.done():
                    room.set_result(None)
            await asyncio.sleep(0)
        await running
        connection.close()
    assert sum(sizes) == size


async def test_a_server_that_speaks_unasked_is_hung_up_on() -> None:
    async with server(WHOLE, b"more") as connections:
        connection, _ = await connections.take()
        exchange = Exchange(connection, lambda _: None, 30.0)
        await exchange.run("GET", "/", {"Host": "far"}, b"")
        connections.give_back(connection)
        while not connection.is_closed:
            await asyncio.sleep(0.01)
        _, was_used = await connections.take()
        assert not was_used
