"""Server-sent events: `data:` lines, a comment that keeps a connection open, the end."""

from __future__ import annotations

DONE = b"data: [DONE]\n\n"
KEEP_ALIVE = b": keep-alive\n\n"


def event(data: bytes) -> bytes:
    """One event; `data` is JSON on a single line."""
    return b"data: " + data + b"\n\n"


def named_event(name: str, data: bytes) -> bytes:
    """One event that says what it is before its data."""
    return b"event: " + name.encode() + b"\ndata: " + data + b"\n\n"
