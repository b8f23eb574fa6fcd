"""What to load a model with: every default decided, in one place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from jupyter_llm.engines.common.refusals import refuse_options_of_files
from jupyter_llm.engines.common.sizes import (
    DEFAULT_BATCH_SIZE,
    DEFAULT_CONTEXT_LENGTH,
    DEFAULT_SLOTS,
    MAX_BATCH_SIZE,
    bounded,
    context_length_of,
    num_kv_cells_of,
)

if TYPE_CHECKING:
    from jupyter_llm.types import LoadOptions

MAX_SLOTS = 128


@dataclass(frozen=True, kw_only=True, slots=True)
class ResolvedOptions:
    """`LoadOptions` with every value decided; lengths and cells in tokens."""

    context_length: int
    slots: int
    num_kv_cells: int
    batch_size: int


def resolve_options(options: LoadOptions, trained_context_length: int) -> ResolvedOptions:
    """Decide what `options` leave open.

    `num_threads` and `num_gpu_layers`, which a server has for all its models, say nothing to
    MLX: it computes every layer where its memory is, with threads of its own.

    Raises:
        InvalidRequestError: A value cannot be honoured; `param` names it.
    """
    refuse_options_of_files(options, "MLX")
    # recurrent models state no length
    trained = trained_context_length or options.context_length or DEFAULT_CONTEXT_LENGTH
    context_length = context_length_of(options, trained)
    slots = bounded("slots", options.slots, DEFAULT_SLOTS, MAX_SLOTS)
    return ResolvedOptions(
        context_length=context_length,
        slots=slots,
        num_kv_cells=num_kv_cells_of(options, context_length, slots),
        batch_size=bounded("batch_size", options.batch_size, DEFAULT_BATCH_SIZE, MAX_BATCH_SIZE),
    )
