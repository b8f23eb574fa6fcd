"""Whether a server still answers: looked at now and then, and whenever a request finds it gone."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING

from jupyter_llm.engines.remote.upstream import HEALTH_TIMEOUT_S
from jupyter_llm.errors import ModelLoadError

if TYPE_CHECKING:
    from collections.abc import Callable

    from jupyter_llm.engines.remote.upstream import Upstream

log = logging.getLogger(__name__)

NUM_FAILURES = 3
"""In a row, after which a server counts as gone."""

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
_LEAST_PATIENCE_S = 1.0


class Health:
    """Watches one server as a task, and tells `on_news` when it has failed or is well again.

    `is_well` is False from the first sign of trouble until it answers again; `reason` is what the
    last look has found. It is looked at for as long as nobody calls `stop`.
    """

    def __init__(self, upstream: Upstream, on_news: Callable[[], None]) -> None:
        self.is_well = True
        self.reason = ""
        self._num_failures = 0
        self._upstream = upstream
        self._on_news = on_news
        self._suspicion = asyncio.Event()
        self._task = asyncio.create_task(self._watch(), name=f"health of {upstream.remote.id}")

    @property
    def is_gone(self) -> bool:
        """Whether it has failed too often in a row."""
        return self._num_failures >= NUM_FAILURES

    def suspect(self) -> None:
        """A request could not be served: look now."""
        self.is_well = False
        self._suspicion.set()

    async def stop(self) -> None:
        """Watch no longer."""
        self._task.cancel()
        await asyncio.wait({self._task})

    async def _watch(self) -> None:
        while True:
            await self._pause()
            try:
                await self._upstream.models(self._patience_s)
            except ModelLoadError as error:
                self._note_failure(error.message)
            except Exception as error:
                # whatever it was: a server that nobody looks at would be left out for ever
                log.exception("Looking at %s failed", self._upstream.remote.id)
                self._note_failure(f"It cannot be looked at: {error}.")
            else:
                self._note_success()

    def _note_failure(self, reason: str) -> None:
        self._num_failures += 1
        self.is_well, self.reason = False, reason
        self._on_news()

    def _note_success(self) -> None:
        is_news = not self.is_well
        self.is_well, self._num_failures = True, 0
        if is_news:
            self._on_news()

    async def _pause(self) -> None:
        interval_s = self._upstream.remote.health_interval_s
        if self._num_failures:
            pause_s = FIRST_PAUSE_S * 2 ** min(self._num_failures - 1, 16)
            await asyncio.sleep(min(pause_s, interval_s or LONGEST_PAUSE_S))
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(interval_s or None):
                await self._suspicion.wait()
        self._suspicion.clear()

    @property
    def _patience_s(self) -> float:
        """So that a server which hangs is out within about one interval."""
        interval_s = self._upstream.remote.health_interval_s or HEALTH_TIMEOUT_S
        return min(HEALTH_TIMEOUT_S, max(interval_s, _LEAST_PATIENCE_S))
