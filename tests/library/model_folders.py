"""Folders of safetensors as transformers writes them, and the cache that they are kept in."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors.numpy import save_file

if TYPE_CHECKING:
    from pathlib import Path

REVISION = "0123456789abcdef0123456789abcdef01234567"
CONFIG = {
    "architectures": ["TinyForCausalLM"],
    "model_type": "tiny",
    "hidden_size": 32,
    "num_attention_heads": 4,
    "num_hidden_layers": 3,
    "num_key_value_heads": 2,
    "max_position_embeddings": 4096,
}


def write_folder(
    path: Path,
    *,
    tensors: dict[str, Any] | None = None,
    others: dict[str, str] | None = None,
    num_parts: int = 1,
    **config: Any,
) -> Path:
    """Write a model of 8 x 4 numbers in float32 for each part, or of these `tensors`."""
    path.mkdir(parents=True, exist_ok=True)
    write_json(path / "config.json", {**CONFIG, **config})
    if num_parts == 1:
        save_file(tensors or {"w": np.zeros((8, 4), np.float32)}, path / "model.safetensors")
    for number in range(1, num_parts + 1) if num_parts > 1 else ():
        name = f"model-{number:05}-of-{num_parts:05}.safetensors"
        save_file({f"w.{number}": np.zeros((8, 4), np.float32)}, path / name)
    for name, content in (others or {}).items():
        (path / name).write_text(content)
    return path


def write_json(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content))


def into_cache(
    cache: Path, repo_id: str, folder: Path, *, revision: str = REVISION, is_main: bool = True
) -> Path:
    """Move the files of a folder into a cache, as links into `blobs`; returns the snapshot."""
    repo = cache / f"models--{repo_id.replace('/', '--')}"
    snapshot = repo / "snapshots" / revision
    for path in sorted(folder.rglob("*")):
        if path.is_dir():
            continue
        blob = repo / "blobs" / f"{revision[:4]}{path.name.encode().hex()}"
        blob.parent.mkdir(parents=True, exist_ok=True)
        link = snapshot / path.relative_to(folder)
        link.parent.mkdir(parents=True, exist_ok=True)
        path.rename(blob)
        link.symlink_to(blob)
    if is_main:
        (repo / "refs").mkdir(exist_ok=True)
        (repo / "refs" / "main").write_text(revision)
    return snapshot
