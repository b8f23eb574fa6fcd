"""How much of a prompt to read in one step, so that a step stays short."""

from __future__ import annotations

FIRST_CHUNK = 64
"""Prompt tokens of the first step, before anything was measured."""

MIN_CHUNK = 16
SMOOTHING = 0.3

TARGET_STEP_S = 0.5
"""Longest step while only prompts are read: a cancel or a new request waits this long."""

TARGET_MIXED_STEP_S = 0.35
"""Longest step while others decode: it is the gap in their answers.

Shorter steps read prompts in small pieces, which costs more for each token, and the
answers of requests that came together end apart: on two cores, 0.15 s took a tenth
of the tokens per second of eight streams.
"""


class PrefillPace:
    """Prompt tokens per step, from the measured speed of the steps before.

    A fixed chunk would be seconds on a laptop's cores or a waste on a GPU.
    """

    def __init__(self, batch_size: int) -> None:
        self._batch_size = batch_size
        self._tokens_per_s = 0.0

    def budget(self, *, others_decode: bool) -> int:
        """The prompt tokens to put into the next step at most."""
        if not self._tokens_per_s:
            return min(FIRST_CHUNK, self._batch_size)
        target_s = TARGET_MIXED_STEP_S if others_decode else TARGET_STEP_S
        return max(MIN_CHUNK, min(self._batch_size, int(self._tokens_per_s * target_s)))

    def observe(self, num_tokens: int, duration_s: float) -> None:
        """Learn from a step that read `num_tokens` of prompts."""
        if num_tokens < MIN_CHUNK or duration_s <= 0:
            return
        measured = num_tokens / duration_s
        previous = self._tokens_per_s or measured
        self._tokens_per_s = previous + SMOOTHING * (measured - previous)
