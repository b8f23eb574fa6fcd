"""The sizes of a load that are left open, decided alike for every engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jupyter_llm.errors import InvalidRequestError, ModelFileError

if TYPE_CHECKING:
    from jupyter_llm.types import LoadOptions

DEFAULT_CONTEXT_LENGTH = 8192
DEFAULT_SLOTS = 12
"""Eight for one user and four in reserve for others, whose short requests must not wait."""
DEFAULT_BATCH_SIZE = 512

MAX_BATCH_SIZE = 16_384
MAX_KV_CELLS = 1 << 30
"""Far above any memory, far below where llama.cpp's 32-bit counts overflow."""


def context_length_of(options: LoadOptions, trained: int) -> int:
    """The tokens of one sequence, for a model trained on `trained`.

    Raises:
        InvalidRequestError: It was not trained for so many.
        ModelFileError: The file claims a context length no model can have.
    """
    if trained < 1:
        raise ModelFileError(f"The file states a context length of {trained} tokens.")
    if options.context_length is None:
        cells = options.num_kv_cells or DEFAULT_CONTEXT_LENGTH
        return max(min(trained, DEFAULT_CONTEXT_LENGTH, cells), 1)
    asked = positive("context_length", options.context_length)
    if asked > trained:
        raise InvalidRequestError(
            f"context_length is {asked}, but this model was trained for {trained} tokens: "
            f"ask for {trained} or fewer.",
            param="context_length",
        )
    return asked


def num_kv_cells_of(options: LoadOptions, context_length: int, slots: int) -> int:
    """The tokens that all sequences together may keep.

    Raises:
        InvalidRequestError: They do not hold one sequence.
    """
    default = context_length * min(slots, 2)
    num_cells = bounded("num_kv_cells", options.num_kv_cells, default, MAX_KV_CELLS)
    if num_cells < context_length:
        raise InvalidRequestError(
            f"num_kv_cells is {num_cells}, which does not hold one sequence of "
            f"context_length {context_length}: raise the one or lower the other.",
            param="num_kv_cells",
        )
    return num_cells


def bounded(param: str, value: int | None, default: int, limit: int) -> int:
    """A value from 1 to `limit`, or the default.

    Raises:
        InvalidRequestError: It is outside.
    """
    if value is None:
        return min(default, limit)
    if positive(param, value) > limit:
        raise InvalidRequestError(f"{param} is {value}: the most is {limit}.", param=param)
    return value


def positive(param: str, value: int) -> int:
    """A value above 0.

    Raises:
        InvalidRequestError: It is not.
    """
    if value < 1:
        raise InvalidRequestError(f"{param} is {value}: it has to be 1 or more.", param=param)
    return value
