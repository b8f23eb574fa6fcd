"""What the sequences of several users owe each other; without users it changes nothing.

A user here is a word that came with the request. The manager decides who may come in; these
functions keep one user's long prompts and answers from holding up another's short ones inside.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from collections.abc import Sequence as Ordered
from typing import TypeVar

from jupyter_llm.engines.common.sequence import Sequence

S = TypeVar("S", bound=Sequence)


def user_of(sequence: Sequence) -> str:
    """Whose it is; empty where nobody is known."""
    return sequence.request.user


def newcomers(waiting: Iterable[S], running: Iterable[S]) -> list[S]:
    """The first waiting sequence of each user who has none running, oldest first."""
    seen = {user_of(sequence) for sequence in running}
    found = []
    for sequence in waiting:
        if user_of(sequence) not in seen:
            seen.add(user_of(sequence))
            found.append(sequence)
    return found


def to_preempt(running: Ordered[S]) -> S:
    """Who gives its cells back: the youngest of the user who has the most running.

    Where all have as many that is the youngest of all. It is the oldest of all only where
    there is no other, so something always finishes.
    """
    counts = Counter(map(user_of, running))
    most = max(counts.values())
    return next(one for one in reversed(running) if counts[user_of(one)] == most)


def makes_room(running: Ordered[S]) -> S | None:
    """Who gives its cells back for a newcomer: only a user who keeps something running."""
    if not running:
        return None
    victim = to_preempt(running)
    return victim if sum(user_of(one) == user_of(victim) for one in running) > 1 else None
