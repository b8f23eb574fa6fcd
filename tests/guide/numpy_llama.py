"""A llama in NumPy, straight from the safetensors folder: the reference for logits."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors.numpy import load_file

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    Array = NDArray[np.float32]


class NumpyLlama:
    """Token ids to the logits after each of them, in 32-bit arithmetic."""

    def __init__(self, folder: Path) -> None:
        self.config: dict[str, Any] = json.loads((folder / "config.json").read_text())
        tensors = load_file(folder / "model.safetensors")
        self.weights = {name: value.astype(np.float32) for name, value in tensors.items()}

    def logits(self, ids: Sequence[int]) -> Array:
        embedding = self.weights["model.embed_tokens.weight"]
        hidden = embedding[list(ids)]
        for layer in range(self.config["num_hidden_layers"]):
            hidden = self._layer(hidden, f"model.layers.{layer}.")
        return self._norm(hidden, "model.norm.weight") @ embedding.T

    def _layer(self, hidden: Array, prefix: str) -> Array:
        x = self._norm(hidden, prefix + "input_layernorm.weight")
        hidden = hidden + self._attend(x, prefix + "self_attn.")
        x = self._norm(hidden, prefix + "post_attention_layernorm.weight")
        gate = self._project(x, prefix + "mlp.gate_proj")
        up = self._project(x, prefix + "mlp.up_proj")
        return hidden + self._project(gate / (1 + np.exp(-gate)) * up, prefix + "mlp.down_proj")

    def _attend(self, x: Array, prefix: str) -> Array:
        length, size = len(x), self.config["head_dim"]
        q, k, v = (
            self._project(x, f"{prefix}{name}_proj").reshape(length, -1, size).swapaxes(0, 1)
            for name in "qkv"
        )
        q, k = self._rotate(q), self._rotate(k)
        repeats = len(q) // len(k)
        k, v = np.repeat(k, repeats, axis=0), np.repeat(v, repeats, axis=0)
        scores = q @ k.swapaxes(1, 2) / np.sqrt(size)
        scores += np.triu(np.full((length, length), -np.inf), 1)
        shares = np.exp(scores - scores.max(axis=-1, keepdims=True))
        mixed = shares / shares.sum(axis=-1, keepdims=True) @ v
        joined = mixed.swapaxes(0, 1).reshape(length, -1).astype(np.float32)
        return self._project(joined, prefix + "o_proj")

    def _rotate(self, x: Array) -> Array:
        size = self.config["head_dim"]
        frequencies = self.config["rope_theta"] ** -(np.arange(0, size, 2) / size)
        angles = np.tile(np.arange(x.shape[1])[:, None] * frequencies, 2)
        first, second = np.split(x, 2, axis=-1)
        turned = np.concatenate([-second, first], axis=-1)
        return (x * np.cos(angles) + turned * np.sin(angles)).astype(np.float32)

    def _norm(self, x: Array, name: str) -> Array:
        mean_square = np.mean(x * x, axis=-1, keepdims=True)
        return x / np.sqrt(mean_square + self.config["rms_norm_eps"]) * self.weights[name]

    def _project(self, x: Array, name: str) -> Array:
        return x @ self.weights[name + ".weight"].T
