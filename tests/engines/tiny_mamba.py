"""A valid GGUF of a recurrent model with random weights: mamba, with the tokens of `tiny_gguf`."""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np
from tiny_gguf import CONTEXT_LENGTH, add_vocabulary

_NUM_EMBEDDING = 32
_NUM_INNER = 64
_NUM_STATES = 16
_NUM_CONVOLVED = 4
_RANK = 2


def write_tiny_mamba(path: Path) -> Path:
    """Write the model, of one layer."""
    writer = gguf.GGUFWriter(path, "mamba")
    num_tokens = add_vocabulary(writer)
    writer.add_context_length(CONTEXT_LENGTH)
    writer.add_embedding_length(_NUM_EMBEDDING)
    writer.add_block_count(1)
    writer.add_feed_forward_length(0)
    writer.add_head_count(0)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_ssm_conv_kernel(_NUM_CONVOLVED)
    writer.add_ssm_inner_size(_NUM_INNER)
    writer.add_ssm_state_size(_NUM_STATES)
    writer.add_ssm_time_step_rank(_RANK)
    for name, weights in _weights(np.random.default_rng(0), num_tokens).items():
        writer.add_tensor(name, weights)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _weights(rng: np.random.Generator, num_tokens: int) -> dict[str, np.ndarray]:
    def random(*shape: int) -> np.ndarray:
        return rng.standard_normal(shape, np.float32) * np.float32(0.1)

    block = {
        "attn_norm.weight": np.ones(_NUM_EMBEDDING, np.float32),
        "ssm_in.weight": random(2 * _NUM_INNER, _NUM_EMBEDDING),
        "ssm_conv1d.weight": random(_NUM_INNER, _NUM_CONVOLVED),
        "ssm_conv1d.bias": random(_NUM_INNER),
        "ssm_x.weight": random(_RANK + 2 * _NUM_STATES, _NUM_INNER),
        "ssm_dt.weight": random(_NUM_INNER, _RANK),
        "ssm_dt.bias": random(_NUM_INNER),
        "ssm_a": -np.ones((_NUM_INNER, _NUM_STATES), np.float32),
        "ssm_d": random(_NUM_INNER),
        "ssm_out.weight": random(_NUM_EMBEDDING, _NUM_INNER),
    }
    return {
        "token_embd.weight": random(num_tokens, _NUM_EMBEDDING),
        "output_norm.weight": np.ones(_NUM_EMBEDDING, np.float32),
        "output.weight": random(num_tokens, _NUM_EMBEDDING),
        **{f"blk.0.{name}": weights for name, weights in block.items()},
    }
