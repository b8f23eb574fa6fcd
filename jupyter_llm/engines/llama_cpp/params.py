"""What to load a model with: every default decided, in one place.

The probe and the engine build llama.cpp's parameters from these functions alone,
so that what the probe has tried is what the engine does.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jupyter_llm.engines.common.sizes import (
    DEFAULT_BATCH_SIZE,
    DEFAULT_SLOTS,
    MAX_BATCH_SIZE,
    MAX_KV_CELLS,
    bounded,
    context_length_of,
    num_kv_cells_of,
)
from jupyter_llm.errors import InvalidRequestError

if TYPE_CHECKING:
    from types import ModuleType

    from jupyter_llm.types import LoadOptions

DEFAULT_KV_TYPE = "f16"

MAX_SEQUENCES = 256
"""LLAMA_MAX_SEQ: more sequences than this make llama.cpp refuse the context."""

MAX_SLOTS = MAX_SEQUENCES // 2
"""Every slot comes with one kept prefix, and both are sequences."""

MIN_OUTPUTS = 16
"""Places for logits in a step; those that no slot needs score the tokens of prompts."""

MAX_THREADS = 512
"""GGML_MAX_N_THREADS: one more and ggml aborts the process."""

BY_DRAFT = "draft_model"
SPECULATION = (None, "none", "prompt_lookup", BY_DRAFT)

SPLIT_MODES = (None, "none", "layer", "row")
"""How weights lie on several GPUs: `enum llama_split_mode`, as far as every build has it."""

KV_TYPES = {"f32": 0, "f16": 1, "q4_0": 2, "q8_0": 8}
"""Names of KV cache types and their number in `enum ggml_type`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ResolvedOptions:
    """`LoadOptions` with every value decided; lengths and cells in tokens.

    `num_sequences` counts the slots and the prefixes kept for later requests, `num_outputs`
    the tokens of a step that may have logits.
    """

    context_length: int
    slots: int
    num_kv_cells: int
    num_threads: int
    batch_size: int
    num_gpu_layers: int
    kv_type: str
    num_sequences: int
    num_outputs: int
    looks_up: bool = False
    split_mode: str | None = None
    tensor_split: tuple[float, ...] = ()

    @property
    def num_spare_outputs(self) -> int:
        """Places for logits that are left, and fit a step, when every slot has its own."""
        return min(self.num_outputs, self.batch_size) - self.slots


def resolve_options(
    options: LoadOptions, trained_context_length: int, num_cores: int
) -> ResolvedOptions:
    """Decide what `options` leave open for a model trained on `trained_context_length` tokens.

    `num_cores` is how many cores this process may use.

    Raises:
        InvalidRequestError: A value cannot be honoured; `param` names it.
        ModelFileError: The file claims a context length no model can have.
    """
    slots = bounded("slots", options.slots, DEFAULT_SLOTS, MAX_SLOTS)
    context_length = context_length_of(options, trained_context_length)
    return ResolvedOptions(
        context_length=context_length,
        slots=slots,
        num_kv_cells=num_kv_cells_of(options, context_length, slots),
        num_threads=bounded(
            "num_threads", options.num_threads, default_num_threads(num_cores), MAX_THREADS
        ),
        batch_size=_batch_size(options, slots),
        num_gpu_layers=_num_gpu_layers(options.num_gpu_layers),
        kv_type=_kv_type(options.kv_type),
        num_sequences=2 * slots,
        num_outputs=max(2 * slots, MIN_OUTPUTS),
        looks_up=_looks_up(options),
        split_mode=_split_mode(options.split_mode),
        tensor_split=_tensor_split(options),
    )


def default_num_threads(num_cores: int) -> int:
    """All cores but one, so that the event loop has somewhere to run; both of two."""
    return num_cores - 1 if num_cores > 2 else max(num_cores, 1)  # noqa: PLR2004


def model_params(bindings: ModuleType, resolved: ResolvedOptions, *, no_alloc: bool = False) -> Any:
    """`llama_model_params` for `resolved`; `no_alloc` reads the file's header and no weights."""
    params = bindings.llama_model_default_params()
    params.n_gpu_layers = resolved.num_gpu_layers
    params.no_alloc = no_alloc
    if resolved.split_mode is not None:
        params.split_mode = getattr(bindings, f"LLAMA_SPLIT_MODE_{resolved.split_mode.upper()}")
    if resolved.tensor_split:
        # the structure keeps the array alive
        params.tensor_split = _shares(bindings, resolved.tensor_split)
    if no_alloc:
        params.load_mode = bindings.LLAMA_LOAD_MODE_NONE
    return params


def context_params(bindings: ModuleType, resolved: ResolvedOptions) -> Any:
    """`llama_context_params` for `resolved`: one KV cache that all sequences share."""
    params = bindings.llama_context_default_params()
    params.n_ctx = resolved.num_kv_cells
    params.n_batch = params.n_ubatch = resolved.batch_size
    params.n_seq_max = resolved.num_sequences
    params.n_outputs_max = resolved.num_outputs  # the default is logits for every token: 0.3 GB
    params.n_threads = params.n_threads_batch = resolved.num_threads
    params.type_k = params.type_v = KV_TYPES[resolved.kv_type]
    params.flash_attn_type = (
        bindings.LLAMA_FLASH_ATTN_TYPE_DISABLED  # it would take a copy of the cache in 16 bits
        if resolved.kv_type == "f32"
        else bindings.LLAMA_FLASH_ATTN_TYPE_AUTO
    )
    params.kv_unified = True
    params.swa_full = True  # a sliding window that forgot tokens could not serve kept prefixes
    params.no_perf = True
    return params


def _batch_size(options: LoadOptions, slots: int) -> int:
    asked = bounded("batch_size", options.batch_size, DEFAULT_BATCH_SIZE, MAX_BATCH_SIZE)
    return max(asked, 2 * slots)  # every slot's next token, and as much again of prompts


def _num_gpu_layers(num_layers: int | None) -> int:
    if num_layers is None:
        return -1
    if num_layers < -1:
        raise InvalidRequestError(
            f"num_gpu_layers is {num_layers}: give -1 for every layer, 0 for none, or a count.",
            param="num_gpu_layers",
        )
    return min(num_layers, MAX_KV_CELLS)


def _kv_type(name: str | None) -> str:
    if name is None:
        return DEFAULT_KV_TYPE
    if name not in KV_TYPES:
        raise InvalidRequestError(
            f"kv_type is {name!r}: choose one of {', '.join(sorted(KV_TYPES))}.", param="kv_type"
        )
    return name


def _looks_up(options: LoadOptions) -> bool:
    speculation = options.speculation
    if speculation not in SPECULATION:
        raise InvalidRequestError(
            f"speculation is {speculation!r}: choose {' or '.join(filter(None, SPECULATION))}.",
            param="speculation",
        )
    if options.draft_model and speculation not in (None, BY_DRAFT):
        raise InvalidRequestError(
            f"speculation is {speculation!r}, and draft_model names a model to guess with: "
            f"give draft_model as '', or speculation as {BY_DRAFT!r}.",
            param="speculation",
        )
    if speculation == BY_DRAFT and not options.draft_model:
        raise InvalidRequestError(
            f"speculation is {BY_DRAFT!r}, and draft_model names none: name one.",
            param="draft_model",
        )
    return speculation == "prompt_lookup"


def _split_mode(name: str | None) -> str | None:
    if name not in SPLIT_MODES:
        raise InvalidRequestError(
            f"split_mode is {name!r}: choose {', '.join(filter(None, SPLIT_MODES))}.",
            param="split_mode",
        )
    return name


def _tensor_split(options: LoadOptions) -> tuple[float, ...]:
    shares = options.tensor_split or ()
    if shares and (min(shares) < 0 or not sum(shares) > 0):
        raise InvalidRequestError(
            "tensor_split has the share of each GPU, such as [3, 1]: none below 0, not all 0.",
            param="tensor_split",
        )
    if shares and options.split_mode == "none":
        raise InvalidRequestError(
            "tensor_split spreads a model, and split_mode 'none' does not: give one of them.",
            param="tensor_split",
        )
    return shares


def _shares(bindings: ModuleType, shares: tuple[float, ...]) -> Any:
    """One for each device that llama.cpp could have; those beyond the given ones have none."""
    num_devices = bindings.llama_max_devices()
    if len(shares) > num_devices:
        raise InvalidRequestError(
            f"tensor_split has {len(shares)} shares, and llama.cpp knows {num_devices} devices.",
            param="tensor_split",
        )
    return (ctypes.c_float * num_devices)(*shares)
