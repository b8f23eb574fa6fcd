"""What the MLX engine counts, and the snapshot others read."""

from __future__ import annotations

from dataclasses import replace

from jupyter_llm.engines.common import counters
from jupyter_llm.types import EngineStats

from .options import ResolvedOptions


class Counters(counters.Counters):
    """The totals, and who is here as the stepper last said."""

    def __init__(self, options: ResolvedOptions) -> None:
        super().__init__()
        self.num_preemptions = 0
        self.num_cached_tokens = 0
        self._options = options
        self._num_running = self._num_waiting = self._num_cells = 0

    def note_sequences(self, *, num_running: int, num_waiting: int, num_cells: int) -> None:
        """Say who is here now, and what they and the kept prefixes take."""
        self._num_running, self._num_waiting = num_running, num_waiting
        self._num_cells = min(num_cells, self._options.num_kv_cells)

    def snapshot(self) -> EngineStats:
        """The totals and the present state, as one value."""
        return replace(
            self._totals(),
            slots=self._options.slots,
            context_length=self._options.context_length,
            num_kv_cells=self._options.num_kv_cells,
            num_kv_cells_used=self._num_cells,
            num_running=self._num_running,
            num_waiting=self._num_waiting,
            num_cached_tokens=self.num_cached_tokens,
            num_preemptions=self.num_preemptions,
        )
