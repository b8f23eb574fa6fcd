"""What a safetensors file says of its tensors, read without trusting it.

The format: 8 bytes with the length of the header, the header in JSON, the data
(https://github.com/huggingface/safetensors#format). Its package wants numpy or torch to
tell shapes, and opens files by mapping them whole; the header alone is all we need.
"""

from __future__ import annotations

import os
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from jupyter_llm.errors import ModelFileError

if TYPE_CHECKING:
    from collections.abc import Mapping

_LENGTH_BYTES = 8
_MAX_HEADER_BYTES = 100_000_000
"""The bound of the safetensors package itself."""

_MAX_DIMENSIONS = 8
_MAX_DIMENSION = 1 << 40
_MAX_ELEMENTS = 1 << 50

DTYPE_BITS = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8,
    "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6,
    "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32,
    "I64": 64, "U64": 64, "F64": 64, "C64": 64,
}  # fmt: skip
"""Bits of one number by the name of its type (`enum Dtype` of the safetensors package)."""


class StoredTensor(NamedTuple):
    """One tensor: the name of its type, how many numbers, in how many bytes."""

    dtype: str
    num_elements: int
    size_bytes: int


class _Entry(msgspec.Struct):
    dtype: str = ""
    shape: tuple[int, ...] = ()
    data_offsets: tuple[int, int] = (0, 0)


_DECODER = msgspec.json.Decoder(dict[str, _Entry])


def read_tensors(path: Path) -> Mapping[str, StoredTensor]:
    """The tensors of a file by name.

    Raises:
        ModelFileError: It cannot be read, is no safetensors file, or is cut short.
    """
    try:
        with path.open("rb") as file:
            size_bytes = os.fstat(file.fileno()).st_size
            length = int.from_bytes(file.read(_LENGTH_BYTES), "little")
            num_data_bytes = size_bytes - _LENGTH_BYTES - length
            if size_bytes < _LENGTH_BYTES or length > _MAX_HEADER_BYTES or num_data_bytes < 0:
                raise ModelFileError(
                    f"{path.name} is no safetensors file, or is cut short: its header should have "
                    f"{length} bytes, the file has {size_bytes}. Download it again."
                )
            header = file.read(length)
    except OSError as error:
        raise ModelFileError(f"{path.name} cannot be read: {error.strerror or error}.") from error
    entries = _decoded(header, path.name)
    entries.pop("__metadata__", None)
    tensors = {name: _measured(name, entry, path.name) for name, entry in entries.items()}
    end = max((entry.data_offsets[1] for entry in entries.values()), default=0)
    if end > num_data_bytes:
        raise ModelFileError(
            f"{path.name} is cut short: it has {num_data_bytes} bytes of weights, and its header "
            f"speaks of {end}. Download it again."
        )
    return tensors


def _decoded(header: bytes, name: str) -> dict[str, _Entry]:
    try:
        return _DECODER.decode(header)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ModelFileError(
            f"The header of {name} is damaged ({error!s:.200}). Download the file again."
        ) from error


def _measured(name: str, entry: _Entry, file_name: str) -> StoredTensor:
    begin, end = entry.data_offsets
    is_shape = all(0 <= n < _MAX_DIMENSION for n in entry.shape)
    num_elements = prod(entry.shape) if is_shape and len(entry.shape) <= _MAX_DIMENSIONS else -1
    bits = DTYPE_BITS.get(entry.dtype)
    is_sound = 0 <= num_elements < _MAX_ELEMENTS and 0 <= begin <= end
    # a type that is newer than this version is believed
    if not is_sound or (bits is not None and end - begin != -(-num_elements * bits // 8)):
        raise ModelFileError(
            f"{file_name} is damaged: the tensor {name[:80]!r} cannot have the shape "
            f"{list(entry.shape)[:8]} in {entry.dtype[:20]!r}. Download it again."
        )
    return StoredTensor(entry.dtype, num_elements, end - begin)
