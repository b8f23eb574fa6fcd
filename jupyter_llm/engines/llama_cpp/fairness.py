"""How the prompts of several users share a step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from jupyter_llm.engines.common.fairness import user_of

from .sequence import Sequence


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
