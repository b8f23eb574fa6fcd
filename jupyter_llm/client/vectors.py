"""Vectors of many texts, asked for in several requests."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from .work import Work, embedding

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from jupyter_llm.types import Embeddings

MAX_TEXTS = 256
"""Of one request; the server takes more, but tells of nothing before the last is done."""

_FLOAT_BYTES = 4


class Vectors:
    """The requests for the vectors of `texts`, and what their answers are together."""

    def __init__(self, texts: str | Iterable[str], options: dict[str, Any]) -> None:
        self._is_one = isinstance(texts, str)
        self._texts = [texts] if isinstance(texts, str) else [str(text) for text in texts]
        self._options = options

    def works(self) -> Iterator[Work[Embeddings]]:
        """One request after the other."""
        for start in range(0, len(self._texts), MAX_TEXTS):
            yield embedding(self._texts[start : start + MAX_TEXTS], **self._options)

    def array(self, answers: Iterable[Embeddings]) -> Any:
        """The vector of one text, or a row for each of several, as float32.

        Lists of floats where numpy is not installed.
        """
        vectors = [vector for answer in answers for vector in answer.vectors]
        try:
            import numpy as np
        except ImportError:
            rows = [list(struct.unpack(f"<{len(v) // _FLOAT_BYTES}f", v)) for v in vectors]
            return rows[0] if self._is_one else rows
        if not vectors:
            return np.empty((0, 0), dtype=np.float32)
        array = np.frombuffer(b"".join(vectors), dtype="<f4").reshape(len(vectors), -1)
        return array[0].copy() if self._is_one else array.copy()
