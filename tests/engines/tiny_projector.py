"""Projectors of some 100 KB with random weights, for the models of `tiny_gguf`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import gguf
import numpy as np

IMAGE_SIZE = 56
PATCH_SIZE = 14

_WIDTH = 64
"""The length of the vectors of `tiny_gguf`'s models."""

_NUM_EMBEDDING = 32
_NUM_FEED_FORWARD = 64
_NUM_HEADS = 2
_NUM_LAYERS = 2
_NUM_PATCHES = (IMAGE_SIZE // PATCH_SIZE) ** 2

Random = Callable[..., np.ndarray]

NUM_TOKENS = {"mlp": _NUM_PATCHES, "gemma3": _NUM_PATCHES // 4}
"""What an image takes, in tokens; that of `qwen2vl_merger` depends on its size."""


def write_tiny_projector(path: Path, *, kind: str = "mlp", width: int = _WIDTH) -> Path:
    """Write a projector that gives vectors of `width`.

    `mlp` is LLaVA's, `gemma3` has tokens that look at each other, `qwen2vl_merger` has
    positions in two dimensions.
    """
    writer = gguf.GGUFWriter(path, "clip")
    writer.add_bool("clip.has_vision_encoder", True)
    writer.add_string("clip.projector_type", kind)
    writer.add_bool("clip.use_gelu", True)
    for key, value in {
        "image_size": IMAGE_SIZE,
        "patch_size": PATCH_SIZE,
        "embedding_length": _NUM_EMBEDDING,
        "feed_forward_length": _NUM_FEED_FORWARD,
        "block_count": _NUM_LAYERS,
        "attention.head_count": _NUM_HEADS,
        "projection_dim": width,
        "projector.scale_factor": 2,
    }.items():
        writer.add_uint32(f"clip.vision.{key}", value)
    writer.add_float32("clip.vision.attention.layer_norm_epsilon", 1e-5)
    writer.add_array("clip.vision.image_mean", [0.5, 0.5, 0.5])
    writer.add_array("clip.vision.image_std", [0.25, 0.25, 0.25])
    for name, weights in _weights(np.random.default_rng(1), kind, width).items():
        writer.add_tensor(name, weights)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _weights(rng: np.random.Generator, kind: str, width: int) -> dict[str, np.ndarray]:
    embedding, feed_forward = _NUM_EMBEDDING, _NUM_FEED_FORWARD

    def random(*shape: int) -> np.ndarray:
        return rng.standard_normal(shape, np.float32) * np.float32(0.3)

    weights = {"v.patch_embd.weight": random(embedding, 3, PATCH_SIZE, PATCH_SIZE)}
    for layer in range(_NUM_LAYERS):
        block = {
            "ln1.weight": np.ones(embedding, np.float32),
            "ln2.weight": np.ones(embedding, np.float32),
            "ffn_up.weight": random(feed_forward, embedding),
            "ffn_up.bias": random(feed_forward),
            "ffn_down.weight": random(embedding, feed_forward),
            "ffn_down.bias": random(embedding),
        }
        for name in ("attn_q", "attn_k", "attn_v", "attn_out"):
            block |= {f"{name}.weight": random(embedding, embedding)}
            block |= {f"{name}.bias": random(embedding)}
        weights |= {f"v.blk.{layer}.{name}": value for name, value in block.items()}
    return weights | _output(random, kind, width)


def _output(random: Random, kind: str, width: int) -> dict[str, np.ndarray]:
    embedding = _NUM_EMBEDDING
    positions = {"v.position_embd.weight": random(_NUM_PATCHES, embedding)}
    if kind == "gemma3":
        return positions | {
            "v.patch_embd.bias": random(embedding),
            "v.post_ln.weight": np.ones(embedding, np.float32),
            "mm.input_projection.weight": random(embedding, width),
            "mm.soft_emb_norm.weight": np.ones(embedding, np.float32),
        }
    inner = 4 * embedding if kind == "qwen2vl_merger" else embedding
    merged = {
        "mm.0.weight": random(inner, inner),
        "mm.0.bias": random(inner),
        "mm.2.weight": random(width, inner),
        "mm.2.bias": random(width),
    }
    if kind == "qwen2vl_merger":
        return merged | {
            "v.patch_embd.weight.1": random(embedding, 3, PATCH_SIZE, PATCH_SIZE),
            "v.post_ln.weight": np.ones(embedding, np.float32),
        }
    return positions | merged
