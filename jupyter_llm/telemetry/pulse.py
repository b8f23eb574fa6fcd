"""Figures that change all the time, told in bounded steps and to listeners only."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from jupyter_llm.telemetry.events import EventBus

INTERVAL_S = 2.0

log = logging.getLogger(__name__)


class Pulse:
    """Calls `tell` every `interval_s` while `events` has subscribers, and sleeps otherwise."""

    def __init__(
        self,
        events: EventBus,
        tell: Callable[[], Awaitable[None]],
        *,
        interval_s: float = INTERVAL_S,
    ) -> None:
        self._events = events
        self._tell = tell
        self._interval_s = interval_s
        self._beating: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin, on the running event loop."""
        self._beating = asyncio.create_task(self._beat(), name="pulse")

    def stop(self) -> None:
        """Tell nothing more; safe to call twice."""
        if self._beating is not None:
            self._beating.cancel()

    async def _beat(self) -> None:
        while True:
            await self._events.listened_to()
            await asyncio.sleep(self._interval_s)
            try:
                await self._tell()
            except Exception:
                log.exception("The figures of models and memory could not be told")
