"""How many tokens to guess ahead, learnt from how many guesses were right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

MAX_GUESSES = 8
"""Tokens guessed at a time at most."""


class Guesser(Protocol):
    """What guesses how one sequence goes on."""

    def guess(self, tokens: Sequence[int], limit: int) -> tuple[int, ...]:
        """Up to `limit` tokens that may follow `tokens`, which have only grown since last time."""

    def learn(self, num_tokens: int, num_guessed: int, num_right: int) -> None:
        """Hear how many of the last guesses were right, now that there are `num_tokens`."""


class Eagerness:
    """How many tokens to guess next for one sequence, and when not to.

    After wrong guesses there is a pause that doubles, up to `longest_pause` tokens.
    """

    def __init__(self, longest_pause: int) -> None:
        self._longest_pause = longest_pause
        self._length = MAX_GUESSES // 2
        self._pause = 0
        self._resumes_at = 0

    def wanted(self, num_tokens: int) -> int:
        """Tokens to guess behind `num_tokens`: 0 during a pause."""
        return 0 if num_tokens < self._resumes_at else self._length

    def learn(self, num_tokens: int, num_guessed: int, num_right: int) -> None:
        """Guess more after what was right, and less or later after what was not."""
        if num_right == num_guessed:
            self._length = min(2 * self._length, MAX_GUESSES)
        else:
            self._length = max(num_right, 2)
        if 2 * num_right >= num_guessed:
            self._pause = 0
        else:
            self._pause = min(2 * self._pause + 2, self._longest_pause)
            self._resumes_at = num_tokens + self._pause
