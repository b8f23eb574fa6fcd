"""What a GGUF file says of itself, read without trusting it.

The format is described in ggml's docs/gguf.md. The reader of the `gguf` package
maps the file and keeps every token as an object, which takes half a second for a
large vocabulary, and meets damaged files with whatever exception comes first.
This one reads the header alone, skips what nobody asks for, and knows one error.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from jupyter_llm.errors import ModelFileError
from jupyter_llm.library.ggml import FILE_TYPE_GUESSED, FILE_TYPES
from jupyter_llm.library.tensors import bytes_by_type, check_extent, read_tensors
from jupyter_llm.library.window import Window

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import BinaryIO

Scalar = bool | int | float | str

_MAGIC = b"GGUF"
_VERSIONS = (2, 3)
_DEFAULT_ALIGNMENT = 32
_MAX_HEADER_BYTES = 64 << 20
_MAX_KEYS = 1 << 16
_MAX_TENSORS = 1 << 16
_MAX_TEXTS = 1 << 21

_U32 = struct.Struct("<I")
_U64 = struct.Struct("<Q")
_NUMBERS = {
    0: struct.Struct("<B"),
    1: struct.Struct("<b"),
    2: struct.Struct("<H"),
    3: struct.Struct("<h"),
    4: _U32,
    5: struct.Struct("<i"),
    6: struct.Struct("<f"),
    7: struct.Struct("<?"),
    10: _U64,
    11: struct.Struct("<q"),
    12: struct.Struct("<d"),
}
_INTEGERS = frozenset({0, 1, 2, 3, 4, 5, 10, 11})
_TEXT = 8
_ARRAY = 9
_MAX_LIST = 1 << 10
"""Lists of up to so many whole numbers are kept: one for each layer, not for each token."""

_MAX_LISTED = 1 << 16


@dataclass(frozen=True, kw_only=True, slots=True)
class GGUFHeader:
    """A header that was found sound, up to the place of every tensor.

    `metadata` holds the single values, `lists` the short lists of whole numbers and
    `array_lengths` the number of elements of every list. `tensor_bytes` gives the size
    of the weights by tensor type.
    """

    version: int
    metadata: Mapping[str, Scalar]
    array_lengths: Mapping[str, int]
    num_tensors: int
    num_parameters: int
    tensor_bytes: Mapping[str, int] = field(default_factory=dict)
    lists: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    def text(self, key: str) -> str:
        """The string under this key; empty where there is none."""
        value = self.metadata.get(key)
        return value if isinstance(value, str) else ""

    def number(self, key: str) -> int:
        """The whole number under this key; 0 where there is none."""
        value = self.metadata.get(key)
        return value if isinstance(value, int) else 0

    @property
    def architecture(self) -> str:
        """The name of the model's architecture, such as `llama`."""
        return self.text("general.architecture")

    @property
    def context_length(self) -> int:
        """Tokens the model was trained for; 0 where the file does not say."""
        return self.number(f"{self.architecture}.context_length")

    @property
    def chat_template(self) -> str:
        """The Jinja source of the chat template; empty where there is none."""
        return self.text("tokenizer.chat_template")

    @property
    def quantization(self) -> str:
        """How the weights are stored: what the file says, else what most of it is."""
        file_type = self.metadata.get("general.file_type")
        if isinstance(file_type, int) and file_type & ~FILE_TYPE_GUESSED in FILE_TYPES:
            return FILE_TYPES[file_type & ~FILE_TYPE_GUESSED]
        return max(self.tensor_bytes, key=self.tensor_bytes.__getitem__, default="")


def read_header(path: Path) -> GGUFHeader:
    """Read the header of a file.

    Raises:
        ModelFileError: It cannot be opened, is no GGUF file, or is damaged.
    """
    try:
        with path.open("rb", buffering=0) as file:
            return parse_header(file, size_bytes=os.fstat(file.fileno()).st_size)
    except OSError as error:
        raise ModelFileError(f"The file cannot be read: {error.strerror or error}.") from error


def parse_header(file: BinaryIO, *, size_bytes: int) -> GGUFHeader:
    """Read the header from an open file of `size_bytes`.

    Raises:
        ModelFileError: It is no GGUF file, damaged, or cut short.
    """
    window = Window(file, size_bytes=size_bytes, limit_bytes=_MAX_HEADER_BYTES)
    version = _read_version(window)
    num_tensors = _read_count(window, "tensors", _MAX_TENSORS)
    num_keys = _read_count(window, "keys", _MAX_KEYS)
    metadata, array_lengths, lists = _read_metadata(window, num_keys)
    alignment = _alignment(metadata)
    tensors = read_tensors(window, num_tensors, alignment)
    check_extent(tensors, -(-window.position // alignment) * alignment, size_bytes)
    return GGUFHeader(
        version=version,
        metadata=metadata,
        array_lengths=array_lengths,
        num_tensors=num_tensors,
        num_parameters=sum(tensor.num_elements for tensor in tensors),
        tensor_bytes=bytes_by_type(tensors),
        lists=lists,
    )


def _read_version(window: Window) -> int:
    if window.remaining_bytes < len(_MAGIC) or window.take(len(_MAGIC)) != _MAGIC:
        raise ModelFileError("This is not a GGUF file: it does not begin with GGUF.")
    version: int = window.unpack(_U32)
    if version in _VERSIONS:
        return version
    if int.from_bytes(version.to_bytes(4, "little"), "big") in _VERSIONS:
        raise ModelFileError("The file is big-endian; only little-endian GGUF files are read.")
    raise ModelFileError(f"GGUF version {version} is not known here; versions 2 and 3 are.")


def _read_count(window: Window, what: str, limit: int) -> int:
    count: int = window.unpack(_U64)
    if count > limit:
        raise ModelFileError(
            f"The file claims {count} {what}, more than any model has ({limit}). It is damaged: "
            "download it again."
        )
    return count


def _read_metadata(
    window: Window, num_keys: int
) -> tuple[dict[str, Scalar], dict[str, int], dict[str, tuple[int, ...]]]:
    metadata: dict[str, Scalar] = {}
    array_lengths: dict[str, int] = {}
    lists: dict[str, tuple[int, ...]] = {}
    num_texts = num_listed = 0
    for _ in range(num_keys):
        key = window.text()
        if key in metadata or key in array_lengths:
            raise ModelFileError(f"The file is damaged: the key {key[:80]!r} occurs twice.")
        value_type = window.unpack(_U32)
        if value_type != _ARRAY:
            metadata[key] = _read_scalar(window, key, value_type)
            continue
        element_type: int = window.unpack(_U32)
        length = array_lengths[key] = window.unpack(_U64)
        if element_type in _INTEGERS and length <= min(_MAX_LIST, _MAX_LISTED - num_listed):
            num_listed += length
            lists[key] = tuple(window.unpack(_NUMBERS[element_type]) for _ in range(length))
        else:
            _skip_array(window, key, element_type, length, _MAX_TEXTS - num_texts)
        num_texts += length if element_type == _TEXT else 0
    return metadata, array_lengths, lists


def _read_scalar(window: Window, key: str, value_type: int) -> Scalar:
    if value_type == _TEXT:
        return window.text()
    if value_type not in _NUMBERS:
        raise ModelFileError(
            f"The file is damaged: {key[:80]!r} has the unknown type {value_type}."
        )
    number: Scalar = window.unpack(_NUMBERS[value_type])
    return number


def _skip_array(window: Window, key: str, element_type: int, length: int, max_texts: int) -> None:
    if element_type in _NUMBERS:
        window.skip(length * _NUMBERS[element_type].size)
    elif element_type != _TEXT:
        raise ModelFileError(
            f"The file is damaged: {key[:80]!r} is a list of the unknown type {element_type}."
        )
    elif length > max_texts:
        raise ModelFileError(
            f"The file is damaged: {key[:80]!r} claims {length} strings, more than any model has."
        )
    else:
        window.skip_texts(length)


def _alignment(metadata: Mapping[str, Scalar]) -> int:
    value = metadata.get("general.alignment", _DEFAULT_ALIGNMENT)
    is_power_of_two = isinstance(value, int) and value > 0 and value & (value - 1) == 0
    if not is_power_of_two:
        raise ModelFileError(f"The file is damaged: its alignment is {value!s:.40}.")
    return int(value)
