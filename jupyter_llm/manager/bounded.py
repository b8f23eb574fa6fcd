"""Waits that end, whatever the awaited code does."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Any

T = TypeVar("T")


class OverdueError(Exception):
    """Work was not done in its time, `timeout_s`."""

    def __init__(self, timeout_s: float) -> None:
        super().__init__(f"not done within {timeout_s:.0f} s")
        self.timeout_s = timeout_s


async def within(timeout_s: float, work: Coroutine[Any, Any, T], *, grace_s: float) -> T:
    """Await `work` for `timeout_s`, then cancel it and leave it `grace_s` to tidy up.

    `asyncio.wait_for` waits for ever for code that ignores its cancellation; this
    does not, neither at the timeout nor when the caller itself is cancelled.

    Raises:
        OverdueError: The work was not done in time.
    """
    task = asyncio.ensure_future(work)
    task.add_done_callback(_take_result)
    try:
        await asyncio.wait({task}, timeout=timeout_s)
        if task.done():
            return task.result()
        raise OverdueError(timeout_s)
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait({task}, timeout=grace_s)


def _take_result(task: asyncio.Future[T]) -> None:
    """The caller may have left, and asyncio complains about errors that nobody reads."""
    if not task.cancelled():
        task.exception()
