"""The ways between an event loop and the threads of an engine."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Helper:
    """One thread for what takes too long on the event loop, one thing after another."""

    def __init__(self, name: str) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call `function` there; it goes on to its end even if the caller leaves."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, lambda: function(*args, **kwargs))

    def end(self) -> None:
        """Let the thread end, once it has done what it was given."""
        self._thread.shutdown(wait=False)


def post(loop: asyncio.AbstractEventLoop, function: Callable[[T], object], value: T) -> None:
    """Call `function` on the loop; a loop that is closed has nobody left to tell."""
    if not loop.is_closed():
        loop.call_soon_threadsafe(function, value)
