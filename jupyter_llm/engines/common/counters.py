"""What an engine's thread counts."""

from __future__ import annotations

from abc import ABC, abstractmethod

from jupyter_llm.types import EngineStats


class Counters(ABC):
    """Totals since the load. Written by the engine's thread alone."""

    def __init__(self) -> None:
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

    @abstractmethod
    def snapshot(self) -> EngineStats:
        """The totals and the present state, as one value."""

    def _totals(self) -> EngineStats:
        return EngineStats(
            num_steps=self._num_steps,
            num_prompt_tokens=self._num_prompt_tokens,
            num_completion_tokens=self._num_completion_tokens,
            decode_s=self._decode_s,
            step_s=self._step_s,
        )
