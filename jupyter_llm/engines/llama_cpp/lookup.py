"""Guess how an answer goes on from what stands in it, or in its prompt, already.

Summaries, corrections and answers about a text repeat much of it. What followed the same
few tokens last time is a guess at what follows now; checking several guesses takes one
step, as a single token does.
"""

from __future__ import annotations

from collections.abc import Sequence

from .eagerness import Eagerness

NUM_KEY_TOKENS = 3
"""Tokens that must have occurred before, in the same order."""

LONGEST_PAUSE = 32
"""Tokens to wait at most after guesses that were wrong."""


class PromptLookup:
    """The guesses for one sequence, as many as were right of late."""

    def __init__(self) -> None:
        self._places: dict[tuple[int, ...], int] = {}
        self._num_noted = NUM_KEY_TOKENS
        self._eagerness = Eagerness(LONGEST_PAUSE)

    def guess(self, tokens: Sequence[int], limit: int) -> tuple[int, ...]:
        """Up to `limit` tokens that may follow `tokens`, which have only grown since last time."""
        self._note(tokens)
        length = min(limit, self._eagerness.wanted(len(tokens)))
        place = self._places.get(tuple(tokens[-NUM_KEY_TOKENS:]))
        if length < 1 or place is None:
            return ()
        guesses = list(tokens[place : place + length])
        period = len(guesses)
        while len(guesses) < length:  # the text repeats itself up to its end
            guesses.append(guesses[-period])
        return tuple(guesses)

    def learn(self, num_tokens: int, num_guessed: int, num_right: int) -> None:
        """Guess more after what was right, and less or later after what was not."""
        self._eagerness.learn(num_tokens, num_guessed, num_right)

    def _note(self, tokens: Sequence[int]) -> None:
        """Remember what follows each key; the end is left out, for nothing follows it yet."""
        for end in range(self._num_noted, len(tokens)):
            self._places[tuple(tokens[end - NUM_KEY_TOKENS : end])] = end
        self._num_noted = max(self._num_noted, len(tokens))
