"""Server-sent events, as far as a token stream uses them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_LINE_END = re.compile(rb"\r\n|\n|\r")


class EventReader:
    """Takes the bytes of a stream as they come, and gives the data of its events.

    Only CR, LF and CRLF end a line: `str.splitlines` also cuts at U+2028 and
    its like, which may stand inside an answer. Comments and other fields are
    passed over.
    """

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[str] = []

    def feed(self, chunk: bytes) -> Iterator[str]:
        """The data of the events that are complete with `chunk`."""
        for line in self._lines(chunk):
            if line.startswith("data:"):
                self._data.append(line.removeprefix("data:").removeprefix(" "))
            elif not line and self._data:
                yield "\n".join(self._data)
                self._data = []

    def _lines(self, chunk: bytes) -> Iterator[str]:
        """The lines that are complete now, without their ends."""
        rest = self._rest + chunk
        complete = rest[:-1] if rest.endswith(b"\r") else rest  # an LF may follow
        *found, last = _LINE_END.split(complete)
        self._rest = last + rest[len(complete) :]
        for line in found:
            yield line.decode("utf-8", errors="replace")


def events(chunks: Iterable[bytes]) -> Iterator[str]:
    """The data of each event."""
    reader = EventReader()
    for chunk in chunks:
        yield from reader.feed(chunk)
