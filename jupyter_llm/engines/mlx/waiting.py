"""Decide which waiting sequences join the batch, and which leave it when memory runs out.

MLX pads the caches of a batch to the longest of its sequences, so that is what they are
counted at. Rules, in this order:

1. The first sequence of a user who has none running is admitted before others.
2. Then the oldest; the first that does not fit ends the round, so that a long prompt is not
   overtaken for ever.
3. When cells run out, the youngest sequence of the user who has most leaves and waits again,
   at the front. The oldest never does, so something always finishes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from collections.abc import Sequence as Ordered
from typing import TypeVar

from jupyter_llm.engines.common.fairness import newcomers, to_preempt
from jupyter_llm.engines.common.sequence import Sequence

S = TypeVar("S", bound=Sequence)

HEADROOM_CELLS = 16
"""Cells left for the answer of each sequence when another one is admitted."""


def num_cells(running: Iterable[Sequence], *, headroom: int = 0) -> int:
    """What these sequences take in one batch."""
    lengths = [len(sequence.tokens) + headroom for sequence in running]
    return len(lengths) * max(lengths, default=0)


def to_admit(waiting: deque[S], running: Ordered[S], *, slots: int, cells: int) -> list[S]:
    """Who joins now, in this order; a sequence that is alone fits always."""
    first = newcomers(waiting, running)
    admitted: list[S] = []
    for sequence in (*first, *(one for one in waiting if one not in first)):
        inside = [*running, *admitted, sequence]
        if len(inside) > slots:
            break
        if len(inside) > 1 and num_cells(inside, headroom=HEADROOM_CELLS) > cells:
            break
        admitted.append(sequence)
    return admitted


def to_take_out(running: Ordered[S], cells: int) -> S | None:
    """Who leaves, so that the others have room for their next token; nobody if they have."""
    if len(running) < 2 or num_cells(running, headroom=1) <= cells:  # noqa: PLR2004 - one stays
        return None
    return to_preempt(running)
