"""What an engine counts, and the snapshot others read."""

from __future__ import annotations

from jupyter_llm.types import EngineStats

from .options import ResolvedOptions


class Counters:
    """Totals since the load. Written by the engine's thread alone."""

    def __init__(self, options: ResolvedOptions) -> None:
        self.num_preemptions = 0
        self.num_cached_tokens = 0
        self._options = options
        self._num_running = self._num_waiting = self._num_cells = 0
        self._num_steps = 0
        self._num_prompt_tokens = 0
        self._num_completion_tokens = 0
        self._decode_s = 0.0
        self._step_s = 0.0

    def note_prompts(self, num_tokens: int) -> None:
        """Count tokens of prompts that were computed."""
        self._num_prompt_tokens += num_tokens

    def note_step(self, num_drawn: int, compute_s: float, step_s: float) -> None:
        """Count a step that gave `num_drawn` tokens."""
        self._num_completion_tokens += num_drawn
        self._num_steps += 1
        self._decode_s += compute_s
        self._step_s += step_s

    def note_sequences(self, *, num_running: int, num_waiting: int, num_cells: int) -> None:
        """Say who is here now, and what they and the kept prefixes take."""
        self._num_running, self._num_waiting = num_running, num_waiting
        self._num_cells = min(num_cells, self._options.num_kv_cells)

    def snapshot(self) -> EngineStats:
        """The totals and the present state, as one value."""
        return EngineStats(
            slots=self._options.slots,
            context_length=self._options.context_length,
            num_kv_cells=self._options.num_kv_cells,
            num_kv_cells_used=self._num_cells,
            num_running=self._num_running,
            num_waiting=self._num_waiting,
            num_steps=self._num_steps,
            num_prompt_tokens=self._num_prompt_tokens,
            num_cached_tokens=self.num_cached_tokens,
            num_completion_tokens=self._num_completion_tokens,
            num_preemptions=self.num_preemptions,
            decode_s=self._decode_s,
            step_s=self._step_s,
        )
