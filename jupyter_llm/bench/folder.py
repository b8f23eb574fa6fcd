"""A folder of safetensors with random weights, to measure with: what `model` is for GGUF."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from .model import CHATML, SPECIAL_TOKENS, Shape, byte_characters, merges

CONTEXT_LENGTH = 4096

THIRTY_MILLION = Shape(
    num_layers=8, width=512, feed_forward=1408, num_heads=8, num_kv_heads=2, num_tokens=16_384
)
"""Small enough for a processor: a step of one stream takes some milliseconds."""


def write_random_folder(folder: Path, shape: Shape = THIRTY_MILLION) -> None:
    """Write a llama with 32-bit weights and its tokenizer; the same bytes each time."""
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / "tokenizer.json", _tokenizer(shape.num_tokens))
    _write(folder / "config.json", _config(shape))
    _write(
        folder / "tokenizer_config.json",
        {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "eos_token": "<|im_end|>",
            "pad_token": "<|endoftext|>",
            "chat_template": CHATML,
        },
    )
    rng = np.random.default_rng(0)
    tensors = {
        name: rng.standard_normal(size, np.float32) * np.float32(0.02)
        if len(size) > 1
        else np.ones(size, np.float32)
        for name, size in _sizes(shape).items()
    }
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


def _sizes(shape: Shape) -> dict[str, tuple[int, ...]]:
    width, kv_width, feed_forward = shape.width, shape.kv_width, shape.feed_forward
    sizes: dict[str, tuple[int, ...]] = {
        "model.embed_tokens.weight": (shape.num_tokens, width),
        "model.norm.weight": (width,),
    }
    for layer in range(shape.num_layers):
        block = f"model.layers.{layer}"
        sizes |= {
            f"{block}.self_attn.q_proj.weight": (width, width),
            f"{block}.self_attn.k_proj.weight": (kv_width, width),
            f"{block}.self_attn.v_proj.weight": (kv_width, width),
            f"{block}.self_attn.o_proj.weight": (width, width),
            f"{block}.mlp.gate_proj.weight": (feed_forward, width),
            f"{block}.mlp.up_proj.weight": (feed_forward, width),
            f"{block}.mlp.down_proj.weight": (width, feed_forward),
            f"{block}.input_layernorm.weight": (width,),
            f"{block}.post_attention_layernorm.weight": (width,),
        }
    return sizes


def _config(shape: Shape) -> dict[str, Any]:
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": shape.num_tokens,
        "hidden_size": shape.width,
        "intermediate_size": shape.feed_forward,
        "num_hidden_layers": shape.num_layers,
        "num_attention_heads": shape.num_heads,
        "num_key_value_heads": shape.num_kv_heads,
        "max_position_embeddings": CONTEXT_LENGTH,
        "rms_norm_eps": 1e-6,
        "rope_theta": 1e6,
        "hidden_act": "silu",
        "tie_word_embeddings": True,
        "torch_dtype": "float32",
    }


def _tokenizer(num_tokens: int) -> dict[str, Any]:
    """Bytes, then words of two letters and more, as `tokenizers` writes a byte-level BPE."""
    pairs = list(islice(merges(), num_tokens - 256 - len(SPECIAL_TOKENS)))
    words = [pair.replace(" ", "") for pair in pairs]
    tokens = [*byte_characters(), *words, *SPECIAL_TOKENS]
    ids = {token: number for number, token in enumerate(tokens)}
    level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}
    return {
        "version": "1.0",
        "added_tokens": [
            {
                "id": ids[token],
                "content": token,
                "special": True,
                **dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False),
            }
            for token in SPECIAL_TOKENS
        ],
        "pre_tokenizer": {**level, "use_regex": True},
        "decoder": {**level, "use_regex": True},
        "model": {"type": "BPE", "vocab": ids, "merges": [pair.split(" ") for pair in pairs]},
    }


def _write(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value), encoding="utf-8")
