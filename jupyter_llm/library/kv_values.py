"""How many numbers the KV cache keeps for each token, from a model's own description.

llama.cpp (`llama_kv_cache` and `llama_hparams::n_embd_k_gqa`, `n_embd_v_gqa`) and the
engines for safetensors alike keep, in every layer with attention, a key and a value for
each head of keys and values.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jupyter_llm.library.gguf import GGUFHeader

_MAX = 1 << 32
"""No model comes near it: beyond is damage, and a number nobody should compute with."""


def kv_values_of_header(header: GGUFHeader) -> int:
    """The numbers for each token of a GGUF model; 0 where its file does not say."""
    prefix = f"{header.architecture}."
    num_layers = header.number(f"{prefix}block_count")
    num_heads = header.number(f"{prefix}attention.head_count")
    num_heads = num_heads or max(header.lists.get(f"{prefix}attention.head_count", ()), default=0)
    width = header.number(f"{prefix}embedding_length") // num_heads if num_heads > 0 else 0
    key_length = header.number(f"{prefix}attention.key_length") or width
    value_length = header.number(f"{prefix}attention.value_length") or width
    # hybrid models attend in every n-th layer alone
    interval = max(header.number(f"{prefix}full_attention_interval"), 1)
    heads_of_layers = header.lists.get(f"{prefix}attention.head_count_kv")
    if heads_of_layers is None:
        num_kv_heads = header.number(f"{prefix}attention.head_count_kv") or num_heads
        return _sane(num_layers // interval * num_kv_heads * (key_length + value_length))
    return _sane(sum(heads_of_layers) * (key_length + value_length))


def kv_values_of_config(config: Mapping[str, Any]) -> int:
    """The numbers for each token of a model with this `config.json`; 0 where it does not say.

    Names and defaults are those of the configuration classes of transformers.
    """
    num_layers = whole_number(config, "num_hidden_layers", "n_layer", "num_layers")
    num_heads = whole_number(config, "num_attention_heads", "n_head")
    width = whole_number(config, "hidden_size", "n_embd", "d_model")
    head_length = whole_number(config, "head_dim") or (width // num_heads if num_heads else 0)
    num_kv_heads = whole_number(config, "num_key_value_heads") or num_heads
    kinds = config.get("layer_types")
    if isinstance(kinds, list):  # hybrid models name the layers that keep one state instead
        num_layers = sum(isinstance(kind, str) and "attention" in kind for kind in kinds)
        num_layers -= kinds.count("linear_attention")
    return _sane(2 * num_layers * num_kv_heads * head_length)


def whole_number(config: Mapping[str, Any], *names: str) -> int:
    """The first of these that is a whole number above 0; 0 where none is."""
    values = (config.get(name) for name in names)
    return next((v for v in values if isinstance(v, int) and v is not True and 0 < v < _MAX), 0)


def _sane(number: int) -> int:
    return number if 0 < number < _MAX else 0
