"""Server-sent events, as far as a token stream uses them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_LINE_END = re.compile(rb"\r\n|\n|\r")


def lines(chunks: Iterable[bytes]) -> Iterator[str]:
    """The complete lines of a byte stream, without their ends.

    Only CR, LF and CRLF end a line: `str.splitlines` also cuts at U+2028 and
    its like, which may stand inside an answer.
    """
    rest = b""
    for chunk in chunks:
        rest += chunk
        complete = rest[:-1] if rest.endswith(b"\r") else rest  # an LF may follow
        *found, last = _LINE_END.split(complete)
        rest = last + rest[len(complete) :]
        for line in found:
            yield line.decode("utf-8", errors="replace")


def events(chunks: Iterable[bytes]) -> Iterator[str]:
    """The data of each event; comments and other fields are passed over."""
    data: list[str] = []
    for line in lines(chunks):
        if line.startswith("data:"):
            data.append(line.removeprefix("data:").removeprefix(" "))
        elif not line and data:
            yield "\n".join(data)
            data = []
