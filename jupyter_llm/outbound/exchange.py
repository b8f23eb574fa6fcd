"""One request and its answer over one connection.

Tornado reads HTTP here: it is loaded already, writes a request at once, and gives many small
chunks together without waiting for more of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING

from tornado.http1connection import HTTP1Connection, HTTP1ConnectionParameters
from tornado.httputil import (
    HTTPHeaders,
    HTTPMessageDelegate,
    RequestStartLine,
    ResponseStartLine,
)

if TYPE_CHECKING:
    from tornado.iostream import IOStream

Take = Callable[[bytes], Awaitable[None] | None]
"""Is given the body part by part; the next one waits for what it returns."""

MAX_BODY_BYTES = 1 << 30
_MAX_ERROR_BYTES = 64 << 10
_PARAMETERS = HTTP1ConnectionParameters(max_body_size=MAX_BODY_BYTES)
_OK, _MULTIPLE_CHOICES = 200, 300


class Exchange(HTTPMessageDelegate):
    """Sends a request and reads the answer; `status` is 0 until its head has come.

    The body of an answer that is no success is kept as `error_body`. `silence_s` is the longest
    time without a byte, while nobody else is waited for. `is_over` says that the answer came to
    its end, `is_open` that the connection may be used again.
    """

    def __init__(self, stream: IOStream, take: Take, silence_s: float) -> None:
        self.status = 0
        self.headers: Mapping[str, str] = {}
        self.error_body = b""
        self.is_over = False
        self.is_open = False
        self._stream = stream
        self._take = take
        self._silence_s = silence_s
        self._silence = asyncio.timeout(silence_s)

    async def run(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> None:
        """Do it; a caller that is cancelled closes the connection.

        Raises:
            StreamClosedError: The other side has closed the connection.
            TimeoutError: Nothing came for too long.
        """
        connection = HTTP1Connection(self._stream, is_client=True, params=_PARAMETERS)
        try:
            async with self._silence:
                start_line = RequestStartLine(method, path, "HTTP/1.1")
                own = {"Content-Length": str(len(body))} if body else {}
                connection.write_headers(start_line, HTTPHeaders({**headers, **own}), body)
                connection.finish()
                is_readable = await connection.read_response(self)
            asks_to_close = self.headers.get("Connection", "").lower() == "close"
            self.is_open = is_readable and self.is_over and not asks_to_close
        finally:
            if not self.is_open:
                self._stream.close()

    def headers_received(
        self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders
    ) -> None:
        """Note the head."""
        if isinstance(start_line, ResponseStartLine):
            self.status, self.headers = start_line.code, headers
        self._note_life()

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        """Pass a part on; the other side is not silent while that takes its time."""
        self._note_life()
        if not _OK <= self.status < _MULTIPLE_CHOICES:
            self.error_body = (self.error_body + chunk)[:_MAX_ERROR_BYTES]
            return None
        waiting = self._take(chunk)
        if waiting is None:
            return None
        self._silence.reschedule(None)
        waited = asyncio.ensure_future(waiting)
        waited.add_done_callback(lambda _: self._note_life())
        return waited

    def finish(self) -> None:
        """Note the end."""
        self.is_over = True

    def on_connection_close(self) -> None:
        """Nothing: whoever reads is told by an error."""

    def _note_life(self) -> None:
        if not self.is_over:
            self._silence.reschedule(asyncio.get_running_loop().time() + self._silence_s)
