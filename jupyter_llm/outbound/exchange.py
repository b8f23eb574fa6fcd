"""One request and its answer over one connection.

llhttp reads the answers, by httptools: Tornado, httpx and h11 read HTTP in Python, which takes a
third of a millisecond for a short answer, and 10 µs for each event of a long one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import httptools

from jupyter_llm.outbound.connection import ClosedError, Connection

Take = Callable[[bytes], Awaitable[None] | None]
"""Is given the body part by part; the next one waits for what it returns."""

MAX_BODY_BYTES = 1 << 30
_MAX_HEAD_BYTES = 64 << 10
_MAX_ERROR_BYTES = 64 << 10
_OK, _MULTIPLE_CHOICES = 200, 300


class Exchange:
    """Sends a request and reads the answer; `status` is 0 until its head has come.

    The names in `headers` are in small letters. The body of an answer that is no success is kept
    as `error_body`. `silence_s` is the longest time without a byte, while nobody else is waited
    for. `is_over` says that the answer came to its end, `is_open` that the connection may be used
    again.
    """

    def __init__(self, connection: Connection, take: Take, silence_s: float) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.error_body = b""
        self.is_over = False
        self.is_open = False
        self._connection = connection
        self._take = take
        self._silence_s = silence_s
        self._loop = asyncio.get_running_loop()
        self._heard_at = self._loop.time()
        self._end: asyncio.Future[None] = self._loop.create_future()
        self._parser = httptools.HttpResponseParser(self)
        self._parts: list[bytes] = []
        self._num_head_bytes = self._num_body_bytes = 0
        self._num_waited_for = 0
        self._is_last = False

    async def run(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> None:
        """Do it; a caller that is cancelled closes the connection.

        Raises:
            ClosedError: The other side has closed the connection, or sends no HTTP.
            TimeoutError: Nothing came for too long.
            ValueError: A header has several lines.
        """
        self._connection.listener = self
        self._looking = self._loop.call_later(self._silence_s, self._look)
        try:
            self._connection.write(_head(method, path, headers, len(body)), body)
            await self._end
            self.is_open = not (self._is_last or self._connection.is_closed)
        finally:
            self._looking.cancel()
            self._connection.listener = None
            if self.is_open:
                self._connection.resume()
            else:
                self._connection.close()

    def data_received(self, data: bytes) -> None:
        """Read what has come, and pass on what there is of the body."""
        self._heard_at = self._loop.time()
        if not self.status:
            self._num_head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._is_last = True
            if not self.is_over:
                self._fail(ClosedError())
        if self._parts:
            self._pass_on(b"".join(self._parts))
            self._parts.clear()
        if self.is_over:
            self._finish()
        elif self._is_too_long():
            self._fail(ClosedError())

    def connection_lost(self) -> None:
        """Take it for the end of the answer, where the answer says no other."""
        is_end = "content-length" not in self.headers and "transfer-encoding" not in self.headers
        if self.status and is_end:
            self.is_over = self._is_last = True
            self._finish()
        else:
            self._fail(ClosedError())

    def on_message_begin(self) -> None:
        """Note that an answer begins, of which there is one; called by the parser, as what follows.

        Those with a status below 200 come before it.
        """
        if self.is_over:
            raise ClosedError

    def on_header(self, name: bytes, value: bytes) -> None:
        """Note a header."""
        self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """Note the status."""
        status = self._parser.get_status_code()
        if status >= _OK:
            self.status = status
        else:
            self.headers.clear()

    def on_body(self, body: bytes) -> None:
        """Note a part of the body."""
        self._num_body_bytes += len(body)
        if _OK <= self.status < _MULTIPLE_CHOICES:
            self._parts.append(body)
        else:
            self.error_body = (self.error_body + body)[:_MAX_ERROR_BYTES]

    def on_message_complete(self) -> None:
        """Note the end, and whether another answer may follow."""
        if self.status:
            self._is_last = not self._parser.should_keep_alive()
            self.is_over = True

    def _is_too_long(self) -> bool:
        return self._num_body_bytes > MAX_BODY_BYTES or (
            not self.status and self._num_head_bytes > _MAX_HEAD_BYTES
        )

    def _pass_on(self, data: bytes) -> None:
        """Give it away; while that takes its time, the other side waits and is not silent."""
        waiting = self._take(data)
        if waiting is None:
            return
        self._num_waited_for += 1
        self._connection.pause()
        asyncio.ensure_future(waiting).add_done_callback(self._go_on)

    def _go_on(self, waited: asyncio.Future[None]) -> None:
        del waited
        self._num_waited_for -= 1
        self._heard_at = self._loop.time()
        if not self._num_waited_for and not self._end.done():
            self._connection.resume()

    def _look(self) -> None:
        """Look whether the other side is silent, and when it may be."""
        now = self._loop.time()
        due_at = (now if self._num_waited_for else self._heard_at) + self._silence_s
        if due_at > now:
            self._looking = self._loop.call_at(due_at, self._look)
        else:
            self._fail(TimeoutError())

    def _finish(self) -> None:
        if not self._end.done():
            self._end.set_result(None)

    def _fail(self, error: Exception) -> None:
        if not self._end.done():
            self._end.set_exception(error)


def _head(method: str, path: str, headers: Mapping[str, str], num_bytes: int) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {headers[name]}" for name in headers)]
    if num_bytes:
        lines.append(f"Content-Length: {num_bytes}")
    head = "\r\n".join(lines)
    if head.count("\r") != len(lines) - 1 or head.count("\n") != len(lines) - 1:
        raise ValueError("A header of a request has several lines.")
    return f"{head}\r\n\r\n".encode("latin-1")
