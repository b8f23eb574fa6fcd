"""Server-sent events: `data:` lines, a comment that keeps a connection open, the end."""

from __future__ import annotations

DONE = b"data: [DONE]\n\n"
KEEP_ALIVE = b": keep-alive\n\n"


def event(data: bytes) -> bytes:
    """One event; `data` is JSON on a single line."""
    return b"data: " + data + b"\n\n"


def events_of(data: bytes) -> list[bytes]:
    """Events that were written one after another, each on its own."""
    return [one + b"\n\n" for one in data.split(b"\n\n") if one]


def numbered(number: int, data: bytes) -> bytes:
    """An event with the id by which a client says how far it got."""
    return b"id: %d\n" % number + data


def named_event(name: str, data: bytes) -> bytes:
    """One event that says what it is before its data."""
    return b"event: " + name.encode() + b"\ndata: " + data + b"\n\n"
