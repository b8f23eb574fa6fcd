"""What each user has been served, as the virtual token counter of fair queueing.

After Sheng et al., "Fairness in Serving Large Language Models" (OSDI 2024): the one who has
been served least goes first. Time plays no part, so there is nothing to tune.
"""

from __future__ import annotations

PROMPT_WEIGHT = 1.0
COMPLETION_WEIGHT = 2.0
"""A prompt's tokens are read many at a time, those of an answer are written one by one."""


class Counters:
    """Weighted tokens served to each user.

    A user is present while requests of theirs wait or run. The rules:

    1. Who comes is lifted to the least counter of those who are present: to have been away
       is no credit.
    2. Where nobody is present, nobody owes anything: what was served while the model had
       time to spare has cost nobody anything.
    """

    def __init__(self) -> None:
        self._served: dict[str, float] = {}
        self._level = 0.0

    def of(self, user: str) -> float:
        """The counter of a user."""
        return self._served.get(user, self._level)

    def enter(self, user: str, least: float | None) -> None:
        """`user` comes; `least` is the least counter of those present, if anybody is."""
        if least is not None:
            self._level = max(self._level, least)
        self._served[user] = max(self.of(user), self._level)

    def charge(self, user: str, *, num_prompt: int = 0, num_completion: int = 0) -> None:
        """Count tokens that were read and written for a user."""
        self._served[user] = (
            self.of(user) + PROMPT_WEIGHT * num_prompt + COMPLETION_WEIGHT * num_completion
        )

    def settle(self) -> None:
        """Nobody is present any more."""
        self._level = max(self._served.values(), default=self._level)
        self._served.clear()
