"""What a model takes, reckoned from its files, and whether there can be so much."""

from __future__ import annotations

import mmap
from collections.abc import Mapping
from typing import Any

from jupyter_llm.errors import ModelLoadError
from jupyter_llm.types import MemoryUse, Model

from .arrays import core
from .options import ResolvedOptions

_BYTES = {"float32": 4, "float16": 2, "bfloat16": 2}


def planned_memory(
    model: Model, config: Mapping[str, Any], options: ResolvedOptions, *, adapters_bytes: int = 0
) -> MemoryUse:
    """What a load takes when all its cells are in use.

    MLX allocates keys and values as sequences grow: they take this much at most. The
    states of a step are those of its layers with the widest ones, of which few are alive at
    a time; logits are computed for one token of each slot.
    """
    value_bytes = _value_bytes(model, config)
    text = config.get("text_config")
    sizes = {**(text if isinstance(text, Mapping) else {}), **config}
    hidden, ffn, vocabulary = (
        _number(sizes, name) for name in ("hidden_size", "intermediate_size", "vocab_size")
    )
    states = options.batch_size * (4 * hidden + 3 * ffn) * value_bytes
    return MemoryUse(
        weights_bytes=model.size_bytes + adapters_bytes,
        kv_cache_bytes=cell_bytes(model, config) * options.num_kv_cells,
        compute_bytes=states + 3 * options.slots * vocabulary * value_bytes,
    )


def cell_bytes(model: Model, config: Mapping[str, Any]) -> int:
    """What the keys and values of one token take; 0 where the model keeps none."""
    return model.num_kv_values * _value_bytes(model, config)


def check_room(need_bytes: int) -> None:
    """See that memory of this size can be had at all, before any is filled.

    Raises:
        ModelLoadError: It cannot.
    """
    most = core().device_info().get("max_recommended_working_set_size")
    if most is not None and need_bytes > most:
        raise _no_room(need_bytes, f"the GPU can use {most} bytes")
    try:
        mmap.mmap(-1, max(need_bytes, 1)).close()
    except (OSError, OverflowError, ValueError) as error:
        raise _no_room(need_bytes, "the system refuses so much") from error


def _no_room(need_bytes: int, reason: str) -> ModelLoadError:
    return ModelLoadError(
        f"The model would take {need_bytes} bytes with its cache, and {reason}. Ask for a shorter "
        "context_length or fewer num_kv_cells, or take a smaller model."
    )


def _value_bytes(model: Model, config: Mapping[str, Any]) -> int:
    stated = config.get("torch_dtype") or config.get("dtype")
    if stated in _BYTES:
        return _BYTES[stated]
    return 4 if model.quantization == "F32" else 2


def _number(config: Mapping[str, Any], name: str) -> int:
    value = config.get(name)
    return value if isinstance(value, int) and 0 < value < 1 << 32 else 0
