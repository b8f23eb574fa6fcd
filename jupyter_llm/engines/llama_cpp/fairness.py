"""What the sequences of several users owe each other; without users it changes nothing.

A user here is a word that came with the request. The manager decides who may come in; these
functions keep one user's long prompts and answers from holding up another's short ones inside.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from collections.abc import Sequence as Ordered

from .sequence import Sequence


def user_of(sequence: Sequence) -> str:
    """Whose it is; empty where nobody is known."""
    return sequence.request.user


def newcomers(waiting: Iterable[Sequence], running: Iterable[Sequence]) -> list[Sequence]:
    """The first waiting sequence of each user who has none running, oldest first."""
    seen = {user_of(sequence) for sequence in running}
    found = []
    for sequence in waiting:
        if user_of(sequence) not in seen:
            seen.add(user_of(sequence))
            found.append(sequence)
    return found


def to_preempt(running: Ordered[Sequence]) -> Sequence:
    """Who gives its cells back: the youngest of the user who has the most running.

    Where all have as many that is the youngest of all. It is the oldest of all only where
    there is no other, so something always finishes.
    """
    counts = Counter(map(user_of, running))
    most = max(counts.values())
    return next(one for one in reversed(running) if counts[user_of(one)] == most)


def makes_room(running: Ordered[Sequence]) -> Sequence | None:
    """Who gives its cells back for a newcomer: only a user who keeps something running."""
    if not running:
        return None
    victim = to_preempt(running)
    return victim if sum(user_of(one) == user_of(victim) for one in running) > 1 else None


def shared_budget(running: Iterable[Sequence], budget: int) -> list[tuple[Sequence, int]]:
    """The prompts to read in this step and how many tokens of each; `budget` is for all.

    1. The sequences of a user count from the oldest: 0, 1, 2 … Prompts of the lowest number
       share the budget, and who needs less than its part leaves the rest to the others.
    2. What is left goes to the other prompts of the same users, oldest first: a user's short
       prompt is not read in a longer step for the sake of somebody who has more running.
    """
    counts: Counter[str] = Counter()
    prompts: list[tuple[int, Sequence]] = []
    for sequence in running:
        if not sequence.is_decoding:
            prompts.append((counts[user_of(sequence)], sequence))
        counts[user_of(sequence)] += 1
    lowest = min((number for number, _ in prompts), default=0)
    leaders = [sequence for number, sequence in prompts if number == lowest]
    works, budget = _parts(leaders, budget)
    readers = {user_of(sequence) for sequence in leaders}
    for number, sequence in prompts:
        if number > lowest and budget and user_of(sequence) in readers:
            works.append((sequence, min(sequence.num_pending, budget)))
            budget -= works[-1][1]
    return works


def _parts(prompts: list[Sequence], budget: int) -> tuple[list[tuple[Sequence, int]], int]:
    """Equal parts, the shortest first; with what nobody needed."""
    works = []
    for number, sequence in enumerate(sorted(prompts, key=lambda one: one.num_pending)):
        if budget < 1:
            break
        part = max(budget // (len(prompts) - number), 1)
        works.append((sequence, min(sequence.num_pending, part)))
        budget -= works[-1][1]
    return works, budget
