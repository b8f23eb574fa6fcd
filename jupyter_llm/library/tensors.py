"""The tensors that a GGUF header lists: their sizes, and where they lie."""

from __future__ import annotations

import struct
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from jupyter_llm.errors import ModelFileError
from jupyter_llm.library.ggml import TENSOR_TYPES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jupyter_llm.library.window import Window

_MAX_DIMENSIONS = 4
_MAX_NAME_BYTES = 63
_MAX_TENSOR_BYTES = 1 << 62

_U32 = struct.Struct("<I")
_U64 = struct.Struct("<Q")


class Tensor(NamedTuple):
    """One tensor: how many numbers, in how many bytes, from where in the data."""

    name: str
    type_name: str
    num_elements: int
    size_bytes: int
    offset: int


def read_tensors(window: Window, count: int, alignment: int) -> list[Tensor]:
    """Read `count` descriptions.

    Raises:
        ModelFileError: One of them cannot be true.
    """
    tensors = [_read_tensor(window) for _ in range(count)]
    if len({tensor.name for tensor in tensors}) != count:
        raise ModelFileError("The file is damaged: two of its tensors have the same name.")
    for tensor in tensors:
        if tensor.offset % alignment:
            raise ModelFileError(
                f"The file is damaged: the tensor {tensor.name!r} begins at {tensor.offset}, "
                f"which is no multiple of {alignment}."
            )
    return tensors


def _read_tensor(window: Window) -> Tensor:
    name = window.text()
    if not name or len(name.encode()) > _MAX_NAME_BYTES:
        raise ModelFileError(f"The file is damaged: {name[:80]!r} is no name for a tensor.")
    num_dimensions: int = window.unpack(_U32)
    if num_dimensions > _MAX_DIMENSIONS:
        raise ModelFileError(
            f"The file is damaged: the tensor {name!r} has {num_dimensions} dimensions."
        )
    shape = [window.unpack(_U64) for _ in range(num_dimensions)]
    type_number: int = window.unpack(_U32)
    offset: int = window.unpack(_U64)
    return _measure(name, shape, type_number, offset)


def _measure(name: str, shape: list[int], type_number: int, offset: int) -> Tensor:
    """Size a tensor; its first dimension is a row, stored in whole blocks."""
    if type_number not in TENSOR_TYPES:
        raise ModelFileError(
            f"The tensor {name!r} has the type {type_number}, which is not known here. "
            "The file is damaged, or newer than this version of jupyter-llm."
        )
    tensor_type = TENSOR_TYPES[type_number]
    num_elements = 1
    for length in shape:
        num_elements *= length
    size_bytes = num_elements // tensor_type.block_length * tensor_type.block_bytes
    is_whole = (shape[0] if shape else 1) % tensor_type.block_length == 0
    if num_elements == 0 or size_bytes > _MAX_TENSOR_BYTES or not is_whole:
        raise ModelFileError(
            f"The file is damaged: the tensor {name!r} cannot have the shape {shape} "
            f"in {tensor_type.name}."
        )
    return Tensor(name, tensor_type.name, num_elements, size_bytes, offset)


def check_extent(tensors: Sequence[Tensor], data_at: int, size_bytes: int) -> None:
    """See that every tensor lies inside the file, whose data begins at `data_at`.

    Raises:
        ModelFileError: One does not.
    """
    end = max((data_at + t.offset + t.size_bytes for t in tensors), default=0)
    if end > size_bytes:
        raise ModelFileError(
            f"The file is cut short: it has {size_bytes} bytes, and its weights need {end}. "
            "Download it again."
        )


def bytes_by_type(tensors: Sequence[Tensor]) -> dict[str, int]:
    """The size of the weights by the type they are stored in."""
    sizes: Counter[str] = Counter()
    for tensor in tensors:
        sizes[tensor.type_name] += tensor.size_bytes
    return dict(sizes)
