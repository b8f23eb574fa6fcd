"""Turns the images of prompts into what the model reads, on a thread of its own.

Encoding an image takes as long as reading hundreds of tokens, and needs nothing of the
model's context: answers go on meanwhile.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from jupyter_llm.errors import ContextLengthError, EngineDiedError
from jupyter_llm.types import Image

from .pictures import picture_of
from .projector import Piece, Projector
from .sight import Seen, Sight

CACHE_BYTES = 128 << 20
"""Encoded images that are kept for prompts that show them again."""


class Vision:
    """Looks at images with a projector; what it has seen it remembers for a while.

    All methods but `close` run on `thread`.
    """

    def __init__(self, projector: Projector, context_length: int) -> None:
        self.thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="llama.cpp vision")
        self._projector = projector
        self._context_length = context_length
        self._seen: OrderedDict[bytes, Seen] = OrderedDict()
        self._num_bytes = 0
        self._number = 0
        self._is_closed = False

    def see(self, images: Mapping[str, Image]) -> dict[str, Seen]:
        """What the images of one prompt come to, encoded.

        Raises:
            ContextLengthError: They alone fill the context.
            InvalidRequestError: One cannot be decoded, or is not for this model.
            EngineDiedError: The model was unloaded.
        """
        seen: dict[str, Seen] = {}
        for word, image in images.items():
            outline = self._outline(image)
            room = self._context_length - sum(map(num_tokens, seen.values()))
            if num_tokens(outline) > room:
                raise ContextLengthError(
                    f"The images up to this one take more than the {self._context_length} tokens "
                    "of this model's context: send fewer or smaller ones, or load the model with "
                    "a longer context_length.",
                    param=image.param,
                )
            seen[word] = self._encoded(image, outline)
        return seen

    def measure(self, images: Mapping[str, Image]) -> dict[str, Seen]:
        """What they come to, to be counted and not to be read. Raises what `see` raises."""
        return {
            word: tuple(
                piece.sight if isinstance(piece, Piece) else piece for piece in self._outline(image)
            )
            for word, image in images.items()
        }

    def close(self) -> None:
        """End the thread; who waits for it gets an error."""
        self._is_closed = True
        self.thread.shutdown()

    def _outline(self, image: Image) -> tuple[list[int] | Piece | Sight, ...]:
        if self._is_closed:
            raise EngineDiedError("The model was unloaded before the answer began.")
        key = hashlib.sha256(image.data).digest()
        if key in self._seen:
            self._seen.move_to_end(key)
            return self._seen[key]
        pieces = self._projector.pieces(image, picture_of(image), self._number)
        self._number += len(pieces)
        return tuple(pieces)

    def _encoded(self, image: Image, outline: tuple[list[int] | Piece | Sight, ...]) -> Seen:
        seen = tuple(
            replace(piece.sight, vectors=self._projector.encode(image, piece))
            if isinstance(piece, Piece)
            else piece
            for piece in outline
        )
        key = hashlib.sha256(image.data).digest()
        if key not in self._seen:
            self._seen[key] = seen
            self._num_bytes += _num_bytes(seen)
        while self._num_bytes > CACHE_BYTES:
            _, oldest = self._seen.popitem(last=False)
            self._num_bytes -= _num_bytes(oldest)
        return seen


def num_tokens(pieces: tuple[list[int] | Piece | Sight, ...]) -> int:
    """How many tokens the pieces of an image take."""
    sights = (piece.sight if isinstance(piece, Piece) else piece for piece in pieces)
    return sum(one.num_tokens if isinstance(one, Sight) else len(one) for one in sights)


def _num_bytes(seen: Seen) -> int:
    return sum(
        piece.vectors.nbytes
        for piece in seen
        if isinstance(piece, Sight) and piece.vectors is not None
    )
