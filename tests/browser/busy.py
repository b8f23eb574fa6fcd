"""A model at work for as long as a test looks, however fast it is."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from threading import Event
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from live import LiveServer


@asynccontextmanager
async def kept_busy(lab: LiveServer, model_id: str) -> AsyncGenerator[None]:
    """Ask a model again and again; the last answer is cancelled at the end."""
    is_over = Event()
    asking = asyncio.create_task(asyncio.to_thread(_ask_until, is_over, lab, model_id))
    try:
        yield
    finally:
        is_over.set()
        await asking


def _ask_until(is_over: Event, lab: LiveServer, model_id: str) -> None:
    body = {"model": model_id, "prompt": "Hello", "max_tokens": 900, "ignore_eos": True}
    while not is_over.is_set():
        with lab.open("v1/completions", {**body, "stream": True}) as answer:
            assert answer.status == 200
            while not is_over.is_set() and answer.readline():
                pass
