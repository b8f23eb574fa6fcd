"""A server of a service as a process of its own; it is given its port, and serves until killed.

Each answer has as many words as `max_tokens` says, with a pause before each, and the port is
each word.
"""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import suppress

PAUSE_S = 0.02
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    port = writer.get_extra_info("sockname")[1]
    with suppress(asyncio.IncompleteReadError, ConnectionError):
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            if head.startswith(b"GET"):
                body = json.dumps({"data": [{"id": "theirs"}]}).encode()
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            else:
                await answer(head, reader, writer, str(port))
            await writer.drain()
    writer.close()


async def answer(
    head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, word: str
) -> None:
    lines = [line.partition(b":") for line in head.lower().split(b"\r\n")]
    length = next(int(value) for name, _, value in lines if name == b"content-length")
    asked = json.loads(await reader.readexactly(length))
    writer.write(_HEAD + event({"delta": {"role": "assistant", "content": ""}}))
    for _ in range(asked["max_tokens"]):
        await asyncio.sleep(PAUSE_S)
        writer.write(event({"delta": {"content": word}, "finish_reason": None}))
        await writer.drain()
    last = event({"delta": {}, "finish_reason": "stop"}) + framed(b"data: [DONE]\n\n")
    writer.write(last + b"0\r\n\r\n")


def event(choice: dict[str, object]) -> bytes:
    data = json.dumps({"model": "theirs", "choices": [{"index": 0, **choice}]})
    return framed(b"data: " + data.encode() + b"\n\n")


def framed(data: bytes) -> bytes:
    return b"%x\r\n" % len(data) + data + b"\r\n"


async def serve(port: int) -> None:
    server = await asyncio.start_server(handle, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
