"""The batch that llama.cpp decodes a part of an image from: vectors in place of tokens."""

from __future__ import annotations

import ctypes
from types import ModuleType
from typing import Any

import numpy as np

from .batch import pointer_to
from .sight import Span


class ImageBatch:
    """`count` tokens of the image at `span`, from number `start` of the prompt on.

    Its arrays live as long as it does. With `logits` the last token has them, at `last`.
    """

    def __init__(  # noqa: PLR0913 - what a part of a sequence is
        self,
        llama: ModuleType,
        span: Span,
        *,
        start: int,
        count: int,
        sequence_id: int,
        logits: bool,
    ) -> None:
        if span.sight.vectors is None:
            raise RuntimeError("an image was submitted before it was encoded")
        first = start - span.start
        self._vectors = np.ascontiguousarray(span.sight.vectors[first : first + count])
        self._positions = span.sight.positions(span.position, first, count)
        self._sequence_ids = np.full(1, sequence_id, np.int32)
        self._num_sequence_ids = np.ones(count, np.int32)
        self._wants_logits = np.zeros(count, np.int8)
        self._wants_logits[-1] = logits
        self._rows = np.full(count, self._sequence_ids.ctypes.data, np.uintp)
        self.reads_whole = span.sight.reads_whole
        self.last = count - 1
        self.struct: Any = llama.llama_batch(
            n_tokens=count,
            token=None,
            embd=pointer_to(self._vectors, ctypes.c_float),
            pos=pointer_to(self._positions, ctypes.c_int32),
            n_seq_id=pointer_to(self._num_sequence_ids, ctypes.c_int32),
            seq_id=pointer_to(self._rows, ctypes.POINTER(ctypes.c_int32)),
            logits=pointer_to(self._wants_logits, ctypes.c_int8),
        )
