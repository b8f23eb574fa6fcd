"""What a folder of safetensors takes in memory, reckoned from its files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jupyter_llm.types import MemoryUse, Model

_BYTES = {"float32": 4, "float16": 2, "bfloat16": 2}


def planned_memory(  # noqa: PLR0913 - the sizes of a load
    model: Model,
    config: Mapping[str, Any],
    *,
    slots: int,
    num_kv_cells: int,
    batch_size: int,
    adapters_bytes: int = 0,
) -> MemoryUse:
    """What a load takes when all its cells are in use.

    The states of a step are those of its layers with the widest ones, of which few are alive
    at a time; logits are computed for one token of each slot.
    """
    value_bytes = _value_bytes(model, config)
    text = config.get("text_config")
    sizes = {**(text if isinstance(text, Mapping) else {}), **config}
    hidden, ffn, vocabulary = (
        _number(sizes, name) for name in ("hidden_size", "intermediate_size", "vocab_size")
    )
    states = batch_size * (4 * hidden + 3 * ffn) * value_bytes
    return MemoryUse(
        weights_bytes=model.size_bytes + adapters_bytes,
        kv_cache_bytes=cell_bytes(model, config) * num_kv_cells,
        compute_bytes=states + 3 * slots * vocabulary * value_bytes,
    )


def cell_bytes(model: Model, config: Mapping[str, Any]) -> int:
    """What the keys and values of one token take; 0 where the model keeps none."""
    return model.num_kv_values * _value_bytes(model, config)


def stated_type(config: Mapping[str, Any]) -> str:
    """The type that its weights compute in, such as `float16`; empty where it does not say."""
    stated = config.get("torch_dtype") or config.get("dtype")
    return stated if stated in _BYTES else ""


def _value_bytes(model: Model, config: Mapping[str, Any]) -> int:
    if stated := stated_type(config):
        return _BYTES[stated]
    return 4 if model.quantization == "F32" else 2


def _number(config: Mapping[str, Any], name: str) -> int:
    value = config.get(name)
    return value if isinstance(value, int) and 0 < value < 1 << 32 else 0
