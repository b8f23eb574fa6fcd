"""What an engine counts, and the snapshot others read."""

from __future__ import annotations

from jupyter_llm.types import EngineStats

from .kv_cache import KVCache
from .params import ResolvedOptions
from .scheduler import Scheduler


class Counters:
    """Totals since the load. Written by the engine's thread alone."""

    def __init__(
        self,
        options: ResolvedOptions,
        cache: KVCache,
        scheduler: Scheduler,
        *,
        can_fill_gaps: bool,
    ) -> None:
        self._options = options
        self._can_fill_gaps = can_fill_gaps
        self._cache = cache
        self._scheduler = scheduler
        self._num_steps = 0
        self._num_prompt_tokens = 0
        self._num_completion_tokens = 0
        self._decode_s = 0.0
        self._step_s = 0.0

    def note_prompts(self, num_tokens: int) -> None:
        """Count tokens of prompts that were computed."""
        self._num_prompt_tokens += num_tokens

    def note_step(self, num_drawn: int, decode_s: float, step_s: float) -> None:
        """Count a step that drew `num_drawn` tokens."""
        self._num_completion_tokens += num_drawn
        self._num_steps += 1
        self._decode_s += decode_s
        self._step_s += step_s

    def note_read(self, num_tokens: int) -> None:
        """Count a step that read texts for their vectors."""
        self._num_prompt_tokens += num_tokens
        self._num_steps += 1

    def snapshot(self) -> EngineStats:
        """The totals and the present state, as one value."""
        return EngineStats(
            slots=self._options.slots,
            context_length=self._options.context_length,
            can_fill_gaps=self._can_fill_gaps,
            num_kv_cells=self._cache.num_cells,
            num_kv_cells_used=self._cache.num_used,
            num_running=len(self._scheduler.running),
            num_waiting=len(self._scheduler.waiting),
            num_steps=self._num_steps,
            num_prompt_tokens=self._num_prompt_tokens,
            num_cached_tokens=self._scheduler.num_cached_tokens,
            num_completion_tokens=self._num_completion_tokens,
            num_preemptions=self._scheduler.num_preemptions,
            decode_s=self._decode_s,
            step_s=self._step_s,
        )
