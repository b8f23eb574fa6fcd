"""Reads prompts for the log-probabilities of their own tokens."""

from __future__ import annotations

from typing import Any

import numpy as np

from .arrays import core
from .runtime import Runtime
from .sequence import Sequence

_CHUNK = 64
"""Tokens at a time: each takes a row of logits as long as the vocabulary."""


class Scorer:
    """The prompts that are being scored. Used by the engine's thread alone."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._caches: dict[Sequence, Any] = {}
        self._num_read: dict[Sequence, int] = {}

    def read(self, sequence: Sequence) -> Any:
        """Read the next part; returns the cache of all tokens but the last, once all are scored."""
        scores = sequence.scores
        if scores is None:
            raise RuntimeError(f"request {sequence.request.id} wants no scores")
        start = self._num_read.setdefault(sequence, 0)
        end = min(start + _CHUNK, sequence.num_prompt - 1)
        rows = self._rows(sequence, start, end)
        scores.note(self._runtime.vocabulary, start, end - start, lambda place: rows[place])
        self._num_read[sequence] = end
        if not scores.is_complete:
            return None
        cache = self._caches[sequence]
        self.forget(sequence)
        return cache

    def forget(self, sequence: Sequence) -> None:
        """Let go of a sequence."""
        self._caches.pop(sequence, None)
        self._num_read.pop(sequence, None)

    def _rows(self, sequence: Sequence, start: int, end: int) -> Any:
        """The logits of some places, a row for each."""
        mx = core()
        cache = self._caches.setdefault(sequence, self._runtime.new_cache())
        if start == end:
            return np.zeros((0, 0), np.float32)
        logits = self._runtime.net(mx.array([sequence.tokens[start:end]]), cache=cache)
        return np.array(logits[0].astype(mx.float32))
