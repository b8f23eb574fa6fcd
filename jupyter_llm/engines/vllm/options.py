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
from jupyter_llm.errors import InvalidRequestError

if TYPE_CHECKING:
    from jupyter_llm.types import LoadOptions

MAX_SLOTS = 1024

BATCH_SIZE_OF_GPUS = 2048
"""What vLLM itself reads in a step: a GPU has done less before it is fully used."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ResolvedOptions:
    """`LoadOptions` with every value decided; lengths and cells in tokens.

    `num_tensor_parts` and `num_pipeline_parts` are over how many GPUs each layer, and all
    layers together, are spread. `adapter` is the path of the one that is loaded, if any.
    """

    context_length: int
    slots: int
    num_kv_cells: int
    batch_size: int
    num_threads: int
    num_tensor_parts: int = 1
    num_pipeline_parts: int = 1
    adapter: str = ""


def resolve_options(
    options: LoadOptions,
    trained_context_length: int,
    *,
    num_heads: int,
    num_gpus: int,
    num_cores: int,
) -> ResolvedOptions:
    """Decide what `options` leave open, for a model of `num_heads` on `num_gpus`, 0 for none.

    Raises:
        InvalidRequestError: A value cannot be honoured; `param` names it.
    """
    refuse_options_of_files(options, "vLLM")
    trained = trained_context_length or options.context_length or DEFAULT_CONTEXT_LENGTH
    context_length = context_length_of(options, trained)
    slots = bounded("slots", options.slots, DEFAULT_SLOTS, MAX_SLOTS)
    tensor_parts, pipeline_parts = _parts(options, num_heads, num_gpus)
    usual = BATCH_SIZE_OF_GPUS if num_gpus else DEFAULT_BATCH_SIZE
    batch_size = bounded("batch_size", options.batch_size, usual, MAX_BATCH_SIZE)
    return ResolvedOptions(
        context_length=context_length,
        slots=slots,
        num_kv_cells=num_kv_cells_of(options, context_length, slots),
        batch_size=max(batch_size, slots),
        num_threads=options.num_threads or max(num_cores - 1, 1),
        num_tensor_parts=tensor_parts,
        num_pipeline_parts=pipeline_parts,
        adapter=_adapter(options),
    )


def _parts(options: LoadOptions, num_heads: int, num_gpus: int) -> tuple[int, int]:
    """Over how many GPUs each layer is spread, and over how many the layers are."""
    if options.tensor_split:
        raise InvalidRequestError(
            "tensor_split gives GPUs different shares, and vLLM gives all of them the same: leave "
            "it out.",
            param="tensor_split",
        )
    if options.split_mode == "none" or num_gpus < 2:  # noqa: PLR2004 - one is all there is
        return 1, 1
    if options.split_mode == "layer":
        return 1, num_gpus
    heads = num_heads or 1
    return max(part for part in range(1, num_gpus + 1) if heads % part == 0), 1


def _adapter(options: LoadOptions) -> str:
    first, *others = options.adapters or ("",)
    if others:
        raise InvalidRequestError(
            f"adapters has {len(others) + 1}, and vLLM changes a model by one at a time: name one.",
            param="adapters",
        )
    return first
