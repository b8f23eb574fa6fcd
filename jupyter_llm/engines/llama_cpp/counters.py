"""What the llama.cpp engine counts, and the snapshot others read."""

from __future__ import annotations

from dataclasses import replace

from jupyter_llm.engines.common import counters
from jupyter_llm.types import EngineStats

from .kv_cache import KVCache
from .params import ResolvedOptions
from .scheduler import Scheduler


class Counters(counters.Counters):
    """The totals, and who is here as the cache and the scheduler say."""

    def __init__(
        self,
        options: ResolvedOptions,
        cache: KVCache,
        scheduler: Scheduler,
        *,
        can_fill_gaps: bool,
    ) -> None:
        super().__init__()
        self._options = options
        self._can_fill_gaps = can_fill_gaps
        self._cache = cache
        self._scheduler = scheduler

    def snapshot(self) -> EngineStats:
        """The totals and the present state, as one value."""
        return replace(
            self._totals(),
            slots=self._options.slots,
            context_length=self._options.context_length,
            can_fill_gaps=self._can_fill_gaps,
            num_kv_cells=self._cache.num_cells,
            num_kv_cells_used=self._cache.num_used,
            num_running=len(self._scheduler.running),
            num_waiting=len(self._scheduler.waiting),
            num_cached_tokens=self._scheduler.num_cached_tokens,
            num_preemptions=self._scheduler.num_preemptions,
        )
