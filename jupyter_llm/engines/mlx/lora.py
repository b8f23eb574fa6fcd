"""LoRA adapters: small changes to the weights of a model, read from folders of their own.

Two forms are understood: that of the peft package (`adapter_model.safetensors` with
`lora_A` and `lora_B`) and that of mlx-lm (`adapters.safetensors` with `lora_a` and `lora_b`).
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from jupyter_llm.errors import ModelFileError

from .arrays import Array, core

_PEFT = re.compile(r"(?:base_model\.model\.)?(?P<layer>.+)\.lora_(?P<side>[AB])(?:\.\w+)?\.weight")
_MLX = re.compile(r"(?P<layer>.+)\.lora_(?P<side>[ab])")


def apply_adapters(model: Any, paths: Sequence[str]) -> None:
    """Have `model` compute with these adapters, one on top of the other.

    Raises:
        ModelFileError: One is damaged, of a kind that is not LoRA, or for another model.
    """
    for path in paths:
        try:
            _apply(model, Path(path))
        except (OSError, KeyError, TypeError, ValueError, RuntimeError, msgspec.MsgspecError) as e:
            raise ModelFileError(
                f"{path} cannot be used with this model: {e!s:.200}.", param="adapters"
            ) from e


def _apply(model: Any, folder: Path) -> None:
    from mlx.utils import tree_unflatten

    config = msgspec.json.decode((folder / "adapter_config.json").read_bytes(), type=dict[str, Any])
    layers = dict(model.named_modules())
    changed = []
    for name, pair in _pairs(folder).items():
        if name not in layers:
            raise ValueError(f"the model has no layer {name}")
        if pair.keys() != {"a", "b"}:
            raise ValueError(f"{name} has one half of its weights alone")
        changed.append((name, _adapted(layers[name], pair, _scale(config), name)))
    model.update_modules(tree_unflatten(changed))


def _pairs(folder: Path) -> Mapping[str, Mapping[str, Array]]:
    """The weights by layer: `a` (in, rank) and `b` (rank, out)."""
    pairs: dict[str, dict[str, Array]] = defaultdict(dict)
    files = sorted(folder.glob("adapter*.safetensors"))
    if not files:
        raise ValueError("it has no adapter_model.safetensors and no adapters.safetensors")
    for name, weight in core().load(str(files[0])).items():
        if found := _PEFT.fullmatch(name):
            pairs[found["layer"]][found["side"].lower()] = weight.T
        elif found := _MLX.fullmatch(name):
            pairs[found["layer"]][found["side"]] = weight
        else:
            raise ValueError(f"{name} is no weight of LoRA")
    return pairs


def _scale(config: Mapping[str, Any]) -> float:
    """How much the change counts: `alpha / rank` for peft, a number of its own for mlx-lm."""
    if "lora_parameters" in config:
        return float(config["lora_parameters"]["scale"])
    if config.get("use_dora"):
        raise ValueError("it is a DoRA adapter; only LoRA is understood")
    rank, alpha = int(config["r"]), float(config["lora_alpha"])
    return alpha / (math.sqrt(rank) if config.get("use_rslora") else rank)


def _adapted(layer: Any, pair: Mapping[str, Array], scale: float, name: str) -> Any:
    from mlx import nn

    class Adapted(nn.Module):  # type: ignore[misc] # MLX is imported when it is used
        """A layer and a change of low rank to its weights."""

        def __init__(self) -> None:
            super().__init__()
            self.linear = layer
            self.lora_a = pair["a"]
            self.lora_b = pair["b"]

        def __call__(self, x: Array) -> Array:
            y = self.linear(x)
            change = (x.astype(self.lora_a.dtype) @ self.lora_a) @ self.lora_b
            return y + (scale * change).astype(y.dtype)

    adapted = Adapted()
    weight = getattr(layer, "linear", layer)["weight"]
    if pair["a"].shape[1] != pair["b"].shape[0] or pair["b"].shape[1] != weight.shape[0]:
        raise ValueError(f"the weights of {name} have other sizes")
    return adapted
