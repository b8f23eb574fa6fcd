"""MLX, imported when a model is loaded and not before; its functions have no types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from jupyter_llm.engines.common.logprobs import Logits

Array = Any
"""An `mx.array`."""


def core() -> Any:
    """The module `mlx.core`."""
    import mlx.core

    return mlx.core


def as_logits(array: Array) -> Logits:
    """One place's logits, computed now if they are not yet."""
    return np.array(array.reshape(-1).astype(core().float32))
