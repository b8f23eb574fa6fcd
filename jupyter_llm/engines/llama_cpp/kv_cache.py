"""Who holds which cells of the KV cache, and whose prefix can be used again.

llama.cpp keeps one cache of cells for all sequences. A cell holds one token's
keys and values and may belong to several sequences, so a shared prefix costs
nothing to copy. llama.cpp does not say how many cells are free; the books are
kept here, with virtual cells and reference counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Protocol


class Memory(Protocol):
    """The few operations on llama.cpp's memory that the cache needs."""

    def copy(self, source: int, target: int, length: int) -> None:
        """Give the first `length` cells of one sequence to another, too."""

    def truncate(self, sequence_id: int, length: int) -> bool:
        """Drop everything from position `length` on; False where that is impossible."""

    def clear(self, sequence_id: int) -> None:
        """Drop a whole sequence."""


@dataclass(slots=True)
class _Resident:
    """What one sequence id holds: its tokens, their cells, and whether it is in use."""

    tokens: list[int] = field(default_factory=list)
    cells: list[int] = field(default_factory=list)
    is_busy: bool = False
    last_used: int = 0


class KVCache:
    """The cells of one context.

    A sequence is opened, extended as its tokens are computed, and closed; closed
    sequences stay as prefixes for later ones until their cells are needed.
    `keeps_prefixes` is False for recurrent models, whose state cannot be cut.
    """

    def __init__(
        self, memory: Memory, *, num_cells: int, num_sequences: int, keeps_prefixes: bool
    ) -> None:
        self.num_cells = num_cells
        self._memory = memory
        self._keeps_prefixes = keeps_prefixes
        self._residents = [_Resident() for _ in range(num_sequences)]
        self._free_cells = list(range(num_cells))
        self._references = [0] * num_cells
        self._clock = count(1)

    @property
    def num_used(self) -> int:
        """Cells that hold something, shared ones counted once."""
        return self.num_cells - len(self._free_cells)

    def fits(self, tokens: Sequence[int], headroom: int, num_reusable: int | None = None) -> bool:
        """Whether `tokens` could be opened and reserved, with `headroom` cells to spare."""
        source, length = self._longest_prefix(tokens, num_reusable)
        held = {cell for r in self._residents if r.is_busy for cell in r.cells}
        held.update(self._residents[source].cells[:length])
        return len(tokens) - length + headroom <= self.num_cells - len(held)

    def open(self, tokens: Sequence[int], num_reusable: int | None = None) -> tuple[int, int]:
        """Take a sequence id for `tokens`, holding the longest prefix that is known.

        A prefix of `num_reusable` tokens at most, where that is given.

        Returns the id and how many tokens need not be computed: always fewer
        than all, since the last one's logits are wanted.
        """
        source, length = self._longest_prefix(tokens, num_reusable)
        target = self._vacant_id()
        if target == source and length:
            length = self._truncate(target, length)
        else:
            self.drop(target)
            if length:
                self._share(source, target, length)
        resident = self._residents[target]
        resident.is_busy = True
        resident.last_used = next(self._clock)
        return target, length

    def reserve(self, num_cells: int) -> bool:
        """Make `num_cells` cells free, giving up the oldest prefixes; False if it can't be."""
        while len(self._free_cells) < num_cells:
            idle = self._oldest_idle()
            if idle is None:
                return False
            self.drop(idle)
        return True

    def extend(self, sequence_id: int, tokens: Sequence[int]) -> None:
        """Book tokens that were computed into cells reserved before."""
        resident = self._residents[sequence_id]
        resident.tokens.extend(tokens)
        for _ in tokens:
            cell = self._free_cells.pop()
            self._references[cell] = 1
            resident.cells.append(cell)

    def forget_guesses(self, sequence_id: int) -> None:
        """Take tokens out of memory that were computed and never booked."""
        self._memory.truncate(sequence_id, len(self._residents[sequence_id].tokens))

    def close(self, sequence_id: int) -> None:
        """End the use of a sequence; what it holds stays as a prefix for others."""
        resident = self._residents[sequence_id]
        resident.is_busy = False
        resident.last_used = next(self._clock)
        if not self._keeps_prefixes or not resident.tokens:
            self.drop(sequence_id)
            return
        for other_id, other in enumerate(self._residents):
            if other is not resident and not other.is_busy and _begins(resident, other):
                self.drop(other_id)

    def drop(self, sequence_id: int) -> None:
        """Forget a sequence and free the cells that nobody shares."""
        resident = self._residents[sequence_id]
        if resident.cells:
            self._memory.clear(sequence_id)
            self._release(resident.cells)
        self._residents[sequence_id] = _Resident()

    def _release(self, cells: Sequence[int]) -> None:
        for cell in cells:
            self._references[cell] -= 1
            if not self._references[cell]:
                self._free_cells.append(cell)

    def _share(self, source: int, target: int, length: int) -> None:
        self._memory.copy(source, target, length)
        origin, copy = self._residents[source], self._residents[target]
        copy.tokens = origin.tokens[:length]
        copy.cells = origin.cells[:length]
        for cell in copy.cells:
            self._references[cell] += 1

    def _truncate(self, sequence_id: int, length: int) -> int:
        if not length or not self._memory.truncate(sequence_id, length):
            self.drop(sequence_id)
            return 0
        resident = self._residents[sequence_id]
        self._release(resident.cells[length:])
        del resident.tokens[length:], resident.cells[length:]
        return length

    def _longest_prefix(
        self, tokens: Sequence[int], num_reusable: int | None = None
    ) -> tuple[int, int]:
        if not self._keeps_prefixes:
            return 0, 0
        lengths = [common_prefix(r.tokens, tokens) for r in self._residents]
        longest = max(range(len(lengths)), key=lengths.__getitem__)
        most = len(tokens) - 1 if num_reusable is None else min(num_reusable, len(tokens) - 1)
        return longest, min(lengths[longest], most)

    def _vacant_id(self) -> int:
        """A sequence id that holds nothing, or else the one unused for longest."""
        for sequence_id, resident in enumerate(self._residents):
            if not resident.cells and not resident.is_busy:
                return sequence_id
        idle = self._oldest_idle()
        if idle is None:
            raise RuntimeError("every sequence id is in use: there must be more ids than slots")
        return idle

    def _oldest_idle(self) -> int | None:
        idle = [
            (resident.last_used, sequence_id)
            for sequence_id, resident in enumerate(self._residents)
            if resident.cells and not resident.is_busy
        ]
        return min(idle)[1] if idle else None


def common_prefix(first: Sequence[int], second: Sequence[int]) -> int:
    """How many tokens two sequences begin with alike, comparing slices at C speed."""
    low, high = 0, min(len(first), len(second))
    if not high or first[0] != second[0]:
        return 0
    while low < high:
        middle = (low + high + 1) // 2
        if first[low:middle] == second[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _begins(resident: _Resident, other: _Resident) -> bool:
    """Whether `other` holds nothing but a beginning of `resident`."""
    held = other.tokens
    return bool(held) and resident.tokens[: len(held)] == held
