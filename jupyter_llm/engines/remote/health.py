"""Whether a service still answers: looked at now and then, and whenever a request finds it gone."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from jupyter_llm.errors import EngineDiedError, ModelLoadError

if TYPE_CHECKING:
    from jupyter_llm.engines.remote.upstream import Upstream

NUM_FAILURES = 3
"""In a row, after which a service counts as gone."""

FIRST_PAUSE_S = 0.5


class Health:
    """Watches one service as a task; `death` ends with the reason when it is gone.

    After that the manager takes over: it begins anew with longer and longer pauses.
    """

    def __init__(self, upstream: Upstream) -> None:
        self.death: asyncio.Future[EngineDiedError] = asyncio.get_running_loop().create_future()
        self._upstream = upstream
        self._suspicion = asyncio.Event()
        self._task = asyncio.create_task(self._watch(), name=f"health of {upstream.remote.id}")

    def suspect(self) -> None:
        """A request could not be served: look now."""
        self._suspicion.set()

    async def stop(self) -> None:
        """Watch no longer."""
        self._task.cancel()
        await asyncio.wait({self._task})

    async def _watch(self) -> None:
        num_failures, reason = 0, ""
        while num_failures < NUM_FAILURES:
            await self._pause(num_failures)
            try:
                await self._upstream.models()
                num_failures = 0
            except ModelLoadError as error:
                num_failures, reason = num_failures + 1, error.message
        self.death.set_result(EngineDiedError(reason))

    async def _pause(self, num_failures: int) -> None:
        if num_failures:
            await asyncio.sleep(FIRST_PAUSE_S * 2 ** (num_failures - 1))
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(self._upstream.remote.health_interval_s or None):
                await self._suspicion.wait()
        self._suspicion.clear()
