"""Has llama.cpp compute the work of a step: text in one batch, or a part of one image."""

from __future__ import annotations

import time
from typing import Any, NamedTuple

from .batch import Batch
from .decode import is_decoded
from .image_batch import ImageBatch
from .masks import Masks
from .runtime import Runtime
from .scheduler import Work
from .sight import Span


class Computed(NamedTuple):
    """Where the logits of each work's last token stand, and the seconds that they took."""

    indices: list[int]
    duration_s: float


class Decoder:
    """The batches of one context. Used by the engine's thread alone."""

    def __init__(self, runtime: Runtime) -> None:
        self._llama = runtime.llama
        self._context = runtime.context
        self._batch = Batch(runtime.llama, runtime.options.batch_size)
        self._masks = Masks()

    def compute(self, works: list[Work]) -> Computed | None:
        """Compute works that go together, see `together`; `None` if there was no room.

        Raises:
            EngineDiedError: llama.cpp failed, and the context may be broken.
        """
        span = works[0].span
        image = self._image(works[0], span) if span else None
        indices = [image.last] if image else self._fill(works)
        struct = image.struct if image else self._batch.struct
        before = time.perf_counter()
        with self._masks.filled(work.sequence for work in works if work.draws):
            reads_whole = image is not None and image.reads_whole
            is_computed = self._is_decoded(struct, reads_whole=reads_whole)
        duration_s = time.perf_counter() - before
        return Computed(indices, duration_s) if is_computed else None

    def close(self) -> None:
        """End the thread that masks are made on."""
        self._masks.close()

    def _is_decoded(self, batch: Any, *, reads_whole: bool) -> bool:
        if not reads_whole:
            return is_decoded(self._llama, self._context, batch)
        self._llama.llama_set_causal_attn(self._context, False)
        try:
            return is_decoded(self._llama, self._context, batch)
        finally:
            self._llama.llama_set_causal_attn(self._context, True)

    def _image(self, work: Work, span: Span) -> ImageBatch:
        return ImageBatch(
            self._llama,
            span,
            start=work.sequence.num_computed,
            count=work.num_tokens,
            sequence_id=work.sequence.cache_id,
            logits=work.draws,
        )

    def _fill(self, works: list[Work]) -> list[int]:
        """Put text into the batch; returns where each work's last token stands."""
        self._batch.clear()
        return [self._add(work) for work in works]

    def _add(self, work: Work) -> int:
        sequence, start = work.sequence, work.sequence.num_computed
        last = self._batch.add(
            [*sequence.tokens[start : start + work.num_tokens], *work.guesses],
            sequence.spans.position(start),
            sequence.cache_id,
            logits=work.draws,
            all_logits=sequence.is_scoring or bool(work.guesses),
        )
        return last - len(work.guesses)


def together(works: list[Work]) -> list[list[Work]]:
    """What is computed at once: llama.cpp takes tokens or vectors, and whole images one by one."""
    texts = [work for work in works if work.span is None]
    images = [[work] for work in works if work.span]
    return [texts, *images] if texts else images
