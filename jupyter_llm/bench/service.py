"""A small service that speaks as much of OpenAI's protocol as `remote` measures.

`python -m` this module, with a port, serves until it is ended. An answer has as many chunks as
`max_tokens` says, each a chunk of HTTP of its own, as servers send them.
"""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import suppress

MODEL = "bench"

_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
_AT_ONCE = 8
"""Chunks between two looks at the other connections."""


def _chunk(choice: dict[str, object]) -> bytes:
    frame = {"id": "chatcmpl-" + "0" * 24, "object": "chat.completion.chunk", "created": 1}
    data = json.dumps({**frame, "model": MODEL, "choices": [{"index": 0, **choice}]})
    return _framed(b"data: " + data.encode() + b"\n\n")


def _framed(data: bytes) -> bytes:
    return b"%x\r\n" % len(data) + data + b"\r\n"


_WORD = _chunk({"delta": {"content": " word"}, "finish_reason": None})
_LAST = _chunk({"delta": {}, "finish_reason": "stop"})
_END = _framed(b"data: [DONE]\n\n") + b"0\r\n\r\n"


async def _handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(asyncio.IncompleteReadError, ConnectionError):
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            if head.startswith(b"GET"):
                listing = json.dumps({"object": "list", "data": [{"id": MODEL}]}).encode()
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(listing))
                writer.write(listing)
            else:
                await _answer(head, reader, writer)
            await writer.drain()
    writer.close()


async def _answer(head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    lines = [line.partition(b":") for line in head.lower().split(b"\r\n")]
    length = next(int(value) for name, _, value in lines if name == b"content-length")
    asked = json.loads(await reader.readexactly(length))
    writer.write(_HEAD)
    for number in range(asked["max_tokens"]):
        writer.write(_WORD)
        if number % _AT_ONCE == 0:
            await writer.drain()
            await asyncio.sleep(0)
    writer.write(_LAST + _END)


async def _serve(port: int) -> None:
    server = await asyncio.start_server(_handle, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
