"""The batch that llama.cpp decodes in one step, over buffers of our own."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt


class Batch:
    """Up to `capacity` tokens of any number of sequences.

    `llama_batch_init` allocates an array per token for its sequence ids; here
    they lie in one array, so that a run of tokens is added with slices.
    """

    def __init__(self, llama: ModuleType, capacity: int) -> None:
        self._tokens = np.zeros(capacity, np.int32)
        self._positions = np.zeros(capacity, np.int32)
        self._sequence_ids = np.zeros(capacity, np.int32)
        self._num_sequence_ids = np.ones(capacity, np.int32)
        self._wants_logits = np.zeros(capacity, np.int8)
        self._rows = self._sequence_ids.ctypes.data + 4 * np.arange(capacity, dtype=np.uintp)
        self.struct = llama.llama_batch(
            n_tokens=0,
            token=pointer_to(self._tokens, ctypes.c_int32),
            embd=None,
            pos=pointer_to(self._positions, ctypes.c_int32),
            n_seq_id=pointer_to(self._num_sequence_ids, ctypes.c_int32),
            seq_id=pointer_to(self._rows, ctypes.POINTER(ctypes.c_int32)),
            logits=pointer_to(self._wants_logits, ctypes.c_int8),
        )

    def clear(self) -> None:
        """Empty the batch."""
        self.struct.n_tokens = 0

    def add(
        self,
        tokens: Sequence[int],
        position: int,
        sequence_id: int,
        *,
        logits: bool,
        all_logits: bool = False,
    ) -> int:
        """Append a run of one sequence's tokens from `position` on.

        Returns the index of the run's last token, where its logits will be if
        they are asked for: `logits` for the last token's, `all_logits` for each one's.
        """
        start: int = self.struct.n_tokens
        end = start + len(tokens)
        self._tokens[start:end] = tokens
        self._positions[start:end] = range(position, position + len(tokens))
        self._sequence_ids[start:end] = sequence_id
        self._wants_logits[start:end] = all_logits
        self._wants_logits[end - 1] = logits or all_logits
        self.struct.n_tokens = end
        return end - 1

    def want_all(self) -> None:
        """Ask for the outputs of every token."""
        self._wants_logits[: self.struct.n_tokens] = 1


def pointer_to(array: npt.NDArray[Any], kind: Any) -> Any:
    """A C pointer to the first element; the array has to live as long."""
    return ctypes.cast(array.ctypes.data, ctypes.POINTER(kind))
