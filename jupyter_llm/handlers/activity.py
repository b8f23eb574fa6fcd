"""Tells Jupyter that the server is in use, so that nobody culls it."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

PERIOD_S = 60.0


@contextmanager
def activity(settings: dict[str, Any]) -> Iterator[None]:
    """Note activity when the block begins, every minute, and when it ends."""
    loop = asyncio.get_running_loop()
    timer: asyncio.TimerHandle

    def note() -> None:
        nonlocal timer
        settings["last_activity_times"]["jupyter_llm"] = datetime.now(UTC)
        timer = loop.call_later(PERIOD_S, note)

    note()
    try:
        yield
    finally:
        timer.cancel()
        note()
        timer.cancel()
