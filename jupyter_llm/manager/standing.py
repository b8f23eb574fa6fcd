"""Where an instance stands, and who is told when that changes."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from jupyter_llm.types import EngineStats, MemoryUse, ModelState, ModelStatus

if TYPE_CHECKING:
    from collections.abc import Callable

    from jupyter_llm.manager.lifetime import Lifetime
    from jupyter_llm.types import Model

_PROGRESS_STEP = 0.01


class Standing:
    """The state of one model; `on_change` is told of every new one.

    `read_stats` gives the figures of its engine, which are part of the status while it is
    ready; `count_waiting` how many requests wait for a turn, which always is. `lifetime` is
    `None` while the model stays whatever happens.
    """

    def __init__(
        self,
        model: Model,
        *,
        read_stats: Callable[[], EngineStats],
        count_waiting: Callable[[], int],
        lifetime: Callable[[], Lifetime | None],
        on_change: Callable[[ModelStatus], None],
    ) -> None:
        self._read_stats = read_stats
        self._count_waiting = count_waiting
        self._lifetime = lifetime
        self._on_change = on_change
        self._status = ModelStatus(model=model, state=ModelState.QUEUED)

    @property
    def status(self) -> ModelStatus:
        """Where the model stands, with its engine's figures while it is ready."""
        lifetime = self._lifetime() if self.state is ModelState.READY else None
        if lifetime is None or math.isinf(lifetime.keep_alive_s):
            return replace(self._status, stats=self.stats())
        return replace(
            self._status,
            stats=self.stats(),
            keep_alive_s=lifetime.keep_alive_s,
            expires_at=lifetime.expires_at,
        )

    @property
    def state(self) -> ModelState:
        """The state alone."""
        return self._status.state

    @property
    def error(self) -> str:
        """Why it failed, if it has."""
        return self._status.error

    def stats(self) -> EngineStats:
        """The engine's figures, zeros while there is none that serves, and who waits."""
        stats = self._read_stats() if self.state is ModelState.READY else EngineStats()
        num_waiting = self._count_waiting()
        return replace(stats, num_waiting=stats.num_waiting + num_waiting) if num_waiting else stats

    def become(
        self,
        state: ModelState,
        *,
        progress: float = 0.0,
        error: str = "",
        memory: MemoryUse | None = None,
    ) -> None:
        """Change the state; `memory` is what it was where nothing is said of it."""
        self._status = ModelStatus(
            model=self._status.model,
            state=state,
            progress=progress,
            error=error,
            memory=self._status.memory if memory is None else memory,
        )
        self._on_change(self.status)

    def note_progress(self, part: float) -> None:
        """So much of the load is done; small steps are no news."""
        is_news = part - self._status.progress >= _PROGRESS_STEP
        if is_news and self.state is ModelState.LOADING:
            self.become(ModelState.LOADING, progress=part)

    def note_freed(self) -> None:
        """It holds no memory any more, which alone is no news."""
        self._status = replace(self._status, memory=MemoryUse())
