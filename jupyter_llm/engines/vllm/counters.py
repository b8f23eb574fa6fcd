"""What an engine counts, and the snapshot others read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from jupyter_llm.types import EngineStats

from .options import ResolvedOptions
from .sequence import Sequence
from .steps import Drawn


class Counters:
    """Totals since the load. Written on the event loop alone.

    vLLM decides who runs; here those run whose first token has come, and those beside them
    as far as there are slots.
    """

    def __init__(self, options: ResolvedOptions | None = None) -> None:
        self.num_prompt_tokens = 0
        self._options = options
        self._sequences: set[Sequence] = set()
        self._num_cached_tokens = 0
        self._num_completion_tokens = 0

    @contextmanager
    def counting(self, sequence: Sequence) -> Iterator[None]:
        """Count a sequence among those that are here."""
        self._sequences.add(sequence)
        try:
            yield
        finally:
            self._sequences.discard(sequence)

    def note(self, sequence: Sequence, drawn: Drawn) -> None:
        """Count what vLLM drew."""
        self._num_completion_tokens += len(drawn.tokens)
        if not sequence.is_begun:
            self._num_cached_tokens += drawn.num_cached
            self.num_prompt_tokens += sequence.num_prompt - drawn.num_cached

    def snapshot(self) -> EngineStats:
        """The totals and the present state, as one value."""
        if self._options is None:
            return EngineStats()
        num_here, slots = len(self._sequences), self._options.slots
        cells = sum(len(sequence.tokens) for sequence in self._sequences if sequence.is_begun)
        return EngineStats(
            slots=slots,
            context_length=self._options.context_length,
            num_kv_cells=self._options.num_kv_cells,
            num_kv_cells_used=min(cells, self._options.num_kv_cells),
            num_running=min(num_here, slots),
            num_waiting=max(num_here - slots, 0),
            num_prompt_tokens=self.num_prompt_tokens,
            num_cached_tokens=self._num_cached_tokens,
            num_completion_tokens=self._num_completion_tokens,
        )
