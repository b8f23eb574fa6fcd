"""Hyperparameters with which llama.cpp builds a model and then aborts in its first step.

What is wrong with shapes comes out when the graph is built, so the probe finds
it; what is wrong with a number comes out when it is computed with. These are the
checks of ggml's operators on numbers that a file sets (`ggml-cpu/ops.cpp`).
"""

from __future__ import annotations

import math

from jupyter_llm.errors import ModelFileError
from jupyter_llm.library.gguf import GGUFHeader


def check_hyperparameters(header: GGUFHeader) -> None:
    """Refuse numbers that llama.cpp cannot compute with.

    Raises:
        ModelFileError: The file is damaged; the message names the key.
    """
    prefix = f"{header.architecture}."
    for key, value in header.metadata.items():
        if key.startswith(prefix) and isinstance(value, float):
            _check_number(key, value)
    _check_rotation(header, prefix)


def _check_number(key: str, value: float) -> None:
    if not math.isfinite(value) or (key.endswith("epsilon") and value < 0):
        raise ModelFileError(f"The file is damaged: {key} is {value}.")


def _check_rotation(header: GGUFHeader, prefix: str) -> None:
    """Rotary embedding turns pairs of numbers, and no more than a head has."""
    num_rotated = header.number(f"{prefix}rope.dimension_count")
    num_heads = header.number(f"{prefix}attention.head_count")
    if num_rotated == 0 or num_heads == 0:
        return
    head_length = header.number(f"{prefix}attention.key_length")
    head_length = head_length or header.number(f"{prefix}embedding_length") // num_heads
    if num_rotated % 2 or num_rotated > head_length:
        raise ModelFileError(
            f"The file is damaged: {prefix}rope.dimension_count is {num_rotated}, which does not "
            f"suit heads of {head_length}."
        )
