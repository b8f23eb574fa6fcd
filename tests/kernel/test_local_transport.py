from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import httpx
import pytest

from jupyter_llm.client.local_transport import LocalTransport

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

OK = b"HTTP/1.1 200 OK\r\n"
WHOLE = OK + b"Content-Length: 5\r\n\r\nhello"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\n\r\n"


class Replying:
    """A server that says what it is told to, whatever it is asked."""

    def __init__(self, *replies: bytes, is_closing: bool = False) -> None:
        self.replies = list(replies)
        self.is_closing = is_closing
        self.num_connections = 0
        self.asked: list[bytes] = []
        self.tasks: list[asyncio.Task[object] | None] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.num_connections += 1
        self.tasks.append(asyncio.current_task())
        try:
            while self.replies:
                head = await reader.readuntil(b"\r\n\r\n")
                length = [line for line in head.split(b"\r\n") if b"content-length" in line.lower()]
                body = await reader.readexactly(int(length[0].split(b":")[1])) if length else b""
                self.asked.append(head + body)
                writer.write(self.replies.pop(0))
                await writer.drain()
                if self.is_closing:
                    break
            else:
                await reader.read()
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()


@asynccontextmanager
async def client_of(replying: Replying) -> AsyncGenerator[httpx.AsyncClient]:
    server = await asyncio.start_server(replying, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with httpx.AsyncClient(
        transport=LocalTransport(),
        base_url=f"http://127.0.0.1:{port}/base/",
        timeout=httpx.Timeout(30),
    ) as client:
        yield client
    server.close()
    await asyncio.gather(*filter(None, replying.tasks), return_exceptions=True)


async def test_answers_come_over_one_connection_that_is_used_again() -> None:
    replying = Replying(WHOLE, CHUNKED, WHOLE)
    async with client_of(replying) as client:
        for _ in range(3):
            answer = await client.post("path?q=1", json={"a": 1}, headers={"X-Name": "value"})
            assert (answer.status_code, answer.text) == (200, "hello")
    assert replying.num_connections == 1
    assert replying.asked[0].startswith(b"POST /base/path?q=1 HTTP/1.1\r\n")
    assert b"X-Name: value\r\n" in replying.asked[0]
    assert replying.asked[0].endswith(b'{"a":1}')


async def test_a_stream_is_read_as_it_comes_and_left_in_the_middle() -> None:
    replying = Replying(CHUNKED[:-12], WHOLE)
    async with client_of(replying) as client:
        async with client.stream("GET", "x") as answer:
            async for piece in answer.aiter_raw():
                assert piece == b"hel"
                break
        assert (await client.get("x")).text == "hello"
    assert replying.num_connections == 2


async def test_a_connection_that_the_server_closes_is_not_used_again() -> None:
    replying = Replying(OK + b"\r\nhello", OK + b"Connection: close\r\n" + WHOLE[17:], WHOLE)
    replying.is_closing = True
    async with client_of(replying) as client:
        for _ in range(3):
            assert (await client.get("x")).text == "hello"
            await asyncio.sleep(0.05)
    assert replying.num_connections == 3


@pytest.mark.parametrize(
    "reply", [b"", WHOLE[:-1], CHUNKED[:-7], b"SSH-2.0-server\r\n\r\n", b"\0" * (1 << 19)]
)
async def test_what_breaks_off_or_is_no_http_is_an_error_of_httpx(reply: bytes) -> None:
    async with client_of(Replying(reply, is_closing=True)) as client:
        with pytest.raises(httpx.TransportError):
            await client.get("x")


async def test_silence_is_borne_so_long_and_no_longer() -> None:
    async with client_of(Replying(b"", WHOLE[:-1])) as client:
        for _ in range(2):
            with pytest.raises(httpx.ReadTimeout):
                await client.get("x", timeout=httpx.Timeout(5, read=0.05))


async def test_where_nobody_listens_there_is_no_connection(tmp_path: Path) -> None:
    async with httpx.AsyncClient(
        transport=LocalTransport(socket_path=str(tmp_path / "none"))
    ) as client:
        with pytest.raises(httpx.ConnectError):
            await client.get("http://localhost/")
