"""A context that gives vectors: how large it is, and what comes out of a step."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass, replace
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from jupyter_llm.errors import EngineDiedError

from .batch import Batch
from .bindings import log_lines
from .params import ResolvedOptions, context_params
from .purpose import Pooling, Purpose

if TYPE_CHECKING:
    from jupyter_llm.types import LoadOptions

    from .runtime import Runtime

Vector = npt.NDArray[np.float32]

MAX_TEXTS = 16
"""Texts in one step."""

MAX_OUTPUT_BYTES = 1 << 30
"""What the outputs of a step may take, unless a longer context was asked for.

llama.cpp allocates a row of logits for each token of a step, also for a model that has
none: 8192 tokens of a vocabulary of 250,000 are 8 GB.
"""

CHUNK = 128
"""Tokens of a step where a text may be read in pieces."""

BESIDE_CELLS = 2048
BESIDE_CHUNK = 64
"""The longest text and the tokens of a step, of a model whose purpose is another one."""

_NUMBER_BYTES = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class EmbeddingSize:
    """In tokens: what all texts in the context hold together, and what one step reads."""

    num_cells: int
    step_tokens: int


def embedding_size(options: ResolvedOptions, purpose: Purpose) -> EmbeddingSize:
    """How large a context for vectors has to be."""
    if purpose.reads_whole:
        # llama.cpp ends the process if a step has more tokens than its batch
        length = max(options.context_length, MAX_TEXTS)
        return EmbeddingSize(num_cells=length, step_tokens=length)
    if purpose.generates:
        return EmbeddingSize(
            num_cells=min(options.context_length, BESIDE_CELLS), step_tokens=BESIDE_CHUNK
        )
    return EmbeddingSize(num_cells=options.num_kv_cells, step_tokens=CHUNK)


def with_bounded_outputs(
    options: ResolvedOptions, asked: LoadOptions, num_vocabulary: int
) -> ResolvedOptions:
    """A shorter context where nobody asked for one, and its outputs would take too much."""
    if asked.context_length is not None:
        return options
    longest = max(MAX_OUTPUT_BYTES // (_NUMBER_BYTES * num_vocabulary), 1)
    return replace(options, context_length=min(options.context_length, longest))


def embedding_params(
    bindings: ModuleType, options: ResolvedOptions, size: EmbeddingSize, pooling: Pooling
) -> Any:
    """`llama_context_params` for vectors of every token, or for scores.

    What is one vector of a text is made of its tokens here: llama.cpp's own pooling sees
    one step alone, and mixes up texts of unequal lengths unless the cache is unified.
    """
    params = context_params(bindings, options)
    params.n_ctx = size.num_cells
    params.n_batch = params.n_ubatch = size.step_tokens
    params.n_seq_max = MAX_TEXTS
    params.n_outputs_max = 0
    params.embeddings = True
    params.pooling_type = Pooling.RANK if pooling is Pooling.RANK else Pooling.NONE
    return params


class EmbeddingContext:
    """A context made with `embedding_params`, and the batch that is put into it."""

    def __init__(self, runtime: Runtime, context: Any, size: EmbeddingSize) -> None:
        llama = self._llama = runtime.llama
        self._context = context
        self._memory = llama.llama_get_memory(context)
        self.pooling = runtime.purpose.pooling
        self.size = size
        self.batch = Batch(llama, size.step_tokens)
        self._num_scores: int = llama.llama_model_n_cls_out(runtime.model)
        self._num_dimensions = runtime.num_dimensions

    def compute(self) -> Vector:
        """Compute the batch; returns a view of its tokens' vectors, valid until the next.

        With `RANK` there are none: ask for `scores`.

        Raises:
            EngineDiedError: llama.cpp could not.
        """
        self.batch.want_all()
        code = self._llama.llama_decode(self._context, self.batch.struct)
        if code:
            raise EngineDiedError(
                f"llama.cpp failed to compute vectors (code {code}): {log_lines.errors()}"
            )
        if self.pooling is Pooling.RANK:
            return np.empty((self.batch.struct.n_tokens, 0), np.float32)
        pointer = self._llama.llama_get_embeddings(self._context)
        return _view(pointer, (self.batch.struct.n_tokens, self._num_dimensions))

    def scores(self, sequence_id: int) -> Vector:
        """What the classification head says of a text whose last token was in the batch."""
        pointer = self._llama.llama_get_embeddings_seq(self._context, sequence_id)
        return _view(pointer, (self._num_scores,)).copy()

    def forget(self, sequence_id: int) -> None:
        """Drop a text."""
        if self._memory:
            self._llama.llama_memory_seq_rm(self._memory, sequence_id, -1, -1)


def output_bytes(num_tokens: int, num_vocabulary: int, num_dimensions: int) -> int:
    """What llama.cpp allocates for the outputs of a step, when the first one comes."""
    return num_tokens * (num_vocabulary + num_dimensions) * _NUMBER_BYTES


def _view(pointer: Any, shape: tuple[int, ...]) -> Vector:
    address = ctypes.cast(pointer, ctypes.POINTER(ctypes.c_float))
    return np.ctypeslib.as_array(address, shape)
