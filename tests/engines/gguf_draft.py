"""A GGUF file taken apart, so that a test can damage any one of its parts.

Nothing here checks anything: a draft writes whatever nonsense it was given.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field, replace
from pathlib import Path

STRING, ARRAY = 8, 9
SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q"}
SCALARS |= {12: "d"}
UINT32, FLOAT32 = 4, 6
ALIGNMENT = 32


@dataclass(frozen=True)
class Entry:
    """One key of the metadata; `value` is the encoded value without its type."""

    key: bytes
    kind: int
    value: bytes


@dataclass(frozen=True)
class Tensor:
    """One tensor's description; `offset` counts from the start of the data."""

    name: bytes
    dims: tuple[int, ...]
    kind: int
    offset: int
    num_dims: int | None = None


@dataclass(frozen=True)
class Draft:
    """The whole file; a count that is not `None` is written instead of the true one."""

    entries: tuple[Entry, ...]
    tensors: tuple[Tensor, ...]
    data: bytes
    magic: bytes = b"GGUF"
    version: int = 3
    num_tensors: int | None = None
    num_entries: int | None = None
    padding: bytes = field(default=b"\0")

    def encode(self) -> bytes:
        header = self.head()
        return header + self.padding * (-len(header) % ALIGNMENT) + self.data

    def head(self) -> bytes:
        """Everything before the tensors' data."""
        num_tensors = len(self.tensors) if self.num_tensors is None else self.num_tensors
        num_entries = len(self.entries) if self.num_entries is None else self.num_entries
        parts = [self.magic, struct.pack("<IQQ", self.version, num_tensors, num_entries)]
        parts += [string(e.key) + struct.pack("<I", e.kind) + e.value for e in self.entries]
        parts += [_encode_tensor(tensor) for tensor in self.tensors]
        return b"".join(parts)

    def with_value(self, key: str, kind: int, value: bytes) -> Draft:
        """The draft with another value under `key`."""
        name = key.encode()
        assert any(entry.key == name for entry in self.entries), key
        return replace(
            self,
            entries=tuple(Entry(name, kind, value) if e.key == name else e for e in self.entries),
        )

    def with_tensor(self, name: str, /, **changes: object) -> Draft:
        """The draft with another description of the tensor `name`."""
        assert any(tensor.name == name.encode() for tensor in self.tensors), name
        return replace(
            self,
            tensors=tuple(
                replace(t, **changes) if t.name == name.encode() else t  # type: ignore[arg-type]
                for t in self.tensors
            ),
        )

    def value(self, key: str) -> bytes:
        """The encoded value under `key`."""
        return next(entry.value for entry in self.entries if entry.key == key.encode())


def string(text: bytes) -> bytes:
    """An encoded string."""
    return struct.pack("<Q", len(text)) + text


def array(kind: int, items: list[bytes], count: int | None = None) -> bytes:
    """An encoded array of encoded items."""
    return struct.pack("<IQ", kind, len(items) if count is None else count) + b"".join(items)


def items_of(value: bytes) -> list[bytes]:
    """The encoded items of an encoded array."""
    kind, count = struct.unpack_from("<IQ", value)
    items, at = [], 12
    for _ in range(count):
        end = _end_of_value(value, at, kind)
        items.append(value[at:end])
        at = end
    return items


def read_draft(path: Path) -> Draft:
    """Take a sound file apart."""
    content = path.read_bytes()
    version, num_tensors, num_entries = struct.unpack_from("<IQQ", content, 4)
    at = 24
    entries, tensors = [], []
    for _ in range(num_entries):
        key, at = _string_at(content, at)
        (kind,) = struct.unpack_from("<I", content, at)
        end = _end_of_value(content, at + 4, kind)
        entries.append(Entry(key, kind, content[at + 4 : end]))
        at = end
    for _ in range(num_tensors):
        name, at = _string_at(content, at)
        (num_dims,) = struct.unpack_from("<I", content, at)
        *dims, kind, offset = struct.unpack_from(f"<{num_dims}QIQ", content, at + 4)
        tensors.append(Tensor(name, tuple(dims), kind, offset))
        at += 4 + 8 * num_dims + 12
    data = content[at + (-at % ALIGNMENT) :]
    return Draft(tuple(entries), tuple(tensors), data, version=version)


def _encode_tensor(tensor: Tensor) -> bytes:
    num_dims = len(tensor.dims) if tensor.num_dims is None else tensor.num_dims
    dims = struct.pack(f"<I{len(tensor.dims)}Q", num_dims, *tensor.dims)
    return string(tensor.name) + dims + struct.pack("<IQ", tensor.kind, tensor.offset)


def _string_at(content: bytes, at: int) -> tuple[bytes, int]:
    (length,) = struct.unpack_from("<Q", content, at)
    return content[at + 8 : at + 8 + length], at + 8 + length


def _end_of_value(content: bytes, at: int, kind: int) -> int:
    if kind == STRING:
        return _string_at(content, at)[1]
    if kind == ARRAY:
        item_kind, count = struct.unpack_from("<IQ", content, at)
        at += 12
        for _ in range(count):
            at = _end_of_value(content, at, item_kind)
        return at
    return at + struct.calcsize("<" + SCALARS[kind])
