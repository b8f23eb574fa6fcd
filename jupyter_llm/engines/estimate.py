"""What a model will roughly take in memory, from what its files say of themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jupyter_llm.engines.llama_cpp.params import DEFAULT_KV_TYPE, resolve_options
from jupyter_llm.errors import LLMError
from jupyter_llm.library.ggml import TENSOR_TYPES
from jupyter_llm.types import MemoryUse

if TYPE_CHECKING:
    from jupyter_llm.types import LoadOptions, Model

_TYPES = {each.name.lower(): each for each in TENSOR_TYPES.values()}


def estimate(model: Model, options: LoadOptions) -> MemoryUse:
    """Weights and KV cache of a model that nobody has tried to load with `options`.

    The weights take what they take on the disk. The KV cache takes
    `num_kv_values * cells * bytes of a value`, as `llama_kv_cache` of llama.cpp allocates
    it; the cells are those that the llama.cpp engine would decide on. Buffers to compute
    with come on top: only a probe knows them.
    """
    kind = _TYPES.get(options.kv_type or "", _TYPES[DEFAULT_KV_TYPE])
    num_values = model.num_kv_values * _num_cells(model, options)
    return MemoryUse(
        weights_bytes=model.size_bytes,
        kv_cache_bytes=num_values // kind.block_length * kind.block_bytes,
    )


def _num_cells(model: Model, options: LoadOptions) -> int:
    try:
        return resolve_options(options, model.context_length, num_cores=1).num_kv_cells
    except LLMError:  # no load with these options; what it would take is told all the same
        return model.context_length
