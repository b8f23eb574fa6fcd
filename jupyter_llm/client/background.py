"""Asynchronous work for those who wait for it, and may stop it with an interrupt."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

T = TypeVar("T")

_STOP_TIMEOUT_S = 5.0


def run_watched(work: Coroutine[Any, Any, T], watch: Callable[[], None], *, interval_s: float) -> T:
    """The result of `work`, done in a thread; `watch` is called here every `interval_s`.

    In a thread because a notebook's own event loop runs already. An interrupt cancels the
    work, and waits until it has ended.
    """
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="llm", daemon=True)
    thread.start()
    pending = asyncio.run_coroutine_threadsafe(work, loop)
    try:
        while True:
            try:
                return pending.result(timeout=interval_s)
            except TimeoutError:
                if pending.done():  # then it is the work's own error
                    raise
            watch()
    finally:
        _stop(loop, thread)


def _stop(loop: asyncio.AbstractEventLoop, thread: threading.Thread) -> None:
    ending = asyncio.run_coroutine_threadsafe(_cancel_all(), loop)
    with suppress(TimeoutError):
        ending.result(timeout=_STOP_TIMEOUT_S)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(_STOP_TIMEOUT_S)
    if not thread.is_alive():
        loop.close()


async def _cancel_all() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
