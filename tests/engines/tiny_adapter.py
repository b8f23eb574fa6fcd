"""A LoRA adapter for the tiny model: format as written by llama.cpp's convert_lora_to_gguf.py."""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np


def write_tiny_adapter(
    path: Path,
    *,
    strength: float = 1.0,
    width: int = 64,
    rank: int = 4,
    architecture: str = "llama",
) -> Path:
    """Changes the queries of the first layer, by nothing at all with a `strength` of 0."""
    draw = np.random.default_rng(0).standard_normal
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", float(rank))
    name = "blk.0.attn_q.weight"
    writer.add_tensor(f"{name}.lora_a", (draw((rank, width)) * strength).astype(np.float32))
    writer.add_tensor(f"{name}.lora_b", draw((width, rank)).astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
