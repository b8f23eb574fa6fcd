"""A small HTTP server that does to its callers what a test says, and remembers what they sent."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

Act = Callable[["Exchange"], Awaitable[None]]


@dataclass
class Exchange:
    """One request, and the connection that its answer goes to."""

    path: str
    headers: dict[str, str]
    body: bytes
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    async def answer(self, status: int, body: bytes, **headers: str) -> None:
        """Send a whole answer."""
        lines = [f"HTTP/1.1 {status} Word", f"Content-Length: {len(body)}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self.writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        await self.writer.drain()

    async def begin(self) -> None:
        """Begin a stream of events."""
        head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked"
        self.writer.write(head.encode() + b"\r\n\r\n")

    async def send(self, *events: Any) -> None:
        """Send events: bytes as they are, all else as JSON."""
        for event in events:
            data = event if isinstance(event, bytes) else sse(event)
            self.writer.write(b"%x\r\n" % len(data) + data + b"\r\n")
            await self.writer.drain()

    async def end(self) -> None:
        """End the stream."""
        self.writer.write(b"0\r\n\r\n")
        await self.writer.drain()

    async def until_left(self) -> None:
        """Wait until the caller has closed the connection."""
        with suppress(ConnectionError):
            await self.reader.read()


def sse(event: Any) -> bytes:
    return b"data: " + json.dumps(event).encode() + b"\n\n"


def delta(text: str = "", **more: Any) -> dict[str, Any]:
    """A chunk of a chat as OpenAI's API has it."""
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": None, **more}
    return {"id": "chatcmpl-1", "model": "theirs", "choices": [choice]}


LAST = {"model": "theirs", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
USAGE = {"model": "theirs", "choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 2}}
DONE = b"data: [DONE]\n\n"


async def speak(exchange: Exchange) -> None:
    """An answer of two words."""
    await exchange.begin()
    await exchange.send(delta("one"), delta(" two"), LAST, USAGE, DONE)
    await exchange.end()


@dataclass
class Service:
    """What the server does, path by path, and what it was sent; `acts` may change at any time."""

    acts: dict[str, Act] = field(default_factory=dict)
    seen: list[Exchange] = field(default_factory=list)
    port: int = 0
    num_connections: int = 0
    num_open: int = 0
    is_deaf: bool = False
    handling: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def of(self, path: str) -> list[Exchange]:
        return [exchange for exchange in self.seen if exchange.path == path]

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.handling.add(task)
        task.add_done_callback(self.handling.discard)
        self.num_connections += 1
        self.num_open += 1
        try:
            while not self.is_deaf:
                exchange = await _read(reader, writer)
                self.seen.append(exchange)
                act = self.acts.get(exchange.path, _nothing)
                await act(exchange)
                if writer.is_closing():
                    break
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self.num_open -= 1
            writer.close()

    async def hang_up(self) -> None:
        """Close all connections, whatever is going on there."""
        self.is_deaf = True
        for task in self.handling:
            task.cancel()
        if self.handling:
            await asyncio.wait(self.handling)


@asynccontextmanager
async def service(
    port: int = 0, certificates: ssl.SSLContext | None = None, **acts: Act
) -> AsyncIterator[Service]:
    """A service on a port of its own; acts by path with `_` for `/`."""
    one = Service()
    one.acts = {"/v1/models": models, "/v1/chat/completions": speak}
    one.acts |= {f"/v1/{name.replace('_', '/')}": act for name, act in acts.items()}
    server = await asyncio.start_server(one.handle, "127.0.0.1", port, ssl=certificates)
    one.port = server.sockets[0].getsockname()[1]
    try:
        yield one
    finally:
        server.close()
        await one.hang_up()


async def models(exchange: Exchange) -> None:
    body = {"object": "list", "data": [{"id": "theirs", "max_model_len": 4096}, {"id": "other"}]}
    await exchange.answer(200, json.dumps(body).encode())


async def _nothing(exchange: Exchange) -> None:
    await exchange.answer(404, b'{"error": {"message": "no such path"}}')


async def _read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Exchange:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    pairs = [line.split(": ", 1) for line in head[1:] if line]
    headers = {name.lower(): value for name, value in pairs}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Exchange(head[0].split()[1], headers, body, reader, writer)
