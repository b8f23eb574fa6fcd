"""The beginning of a file, read as far as its reader asks and no further."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from jupyter_llm.errors import ModelFileError

if TYPE_CHECKING:
    from typing import BinaryIO

_FIRST_READ_BYTES = 1 << 20
_LENGTH = struct.Struct("<Q")


class Window:
    """A cursor over the first `limit_bytes` of a file.

    Nothing is believed before it is compared with the bytes that remain: a length
    that reaches beyond the end of the file is an error, and takes no memory.
    """

    def __init__(self, file: BinaryIO, *, size_bytes: int, limit_bytes: int) -> None:
        self._file = file
        self._size_bytes = size_bytes
        self._limit_bytes = limit_bytes
        self._data = bytearray()
        self.position = 0

    @property
    def remaining_bytes(self) -> int:
        """From the cursor to where reading must end."""
        return min(self._size_bytes, self._limit_bytes) - self.position

    def unpack(self, layout: struct.Struct) -> Any:
        """The one value of this layout at the cursor."""
        start = self.position
        self.skip(layout.size)
        return layout.unpack_from(self._data, start)[0]

    def take(self, num_bytes: int) -> bytes:
        """The next bytes."""
        start = self.position
        self.skip(num_bytes)
        return bytes(self._data[start : start + num_bytes])

    def text(self) -> str:
        """A string behind its 64-bit length; bytes that are no UTF-8 are replaced."""
        return self.take(self.unpack(_LENGTH)).decode(errors="replace")

    def skip(self, num_bytes: int) -> None:
        """Move the cursor on."""
        self._hold(self.position + num_bytes)
        self.position += num_bytes

    def skip_texts(self, count: int) -> None:
        """Move the cursor over `count` strings; one takes 0.1 us, vocabularies have 10^5."""
        data, position, unpack = self._data, self.position, _LENGTH.unpack_from
        for _ in range(count):
            if position + 8 > len(data):
                self._hold(position + 8)
            position += 8 + unpack(data, position)[0]
        self._hold(position)
        self.position = position

    def _hold(self, end: int) -> None:
        """Have the bytes up to `end` in memory."""
        if end > self._size_bytes:
            raise ModelFileError(
                f"The file ends in the middle of its header, at byte {self._size_bytes}. "
                "It is cut short or damaged: download it again."
            )
        if end > self._limit_bytes:
            raise ModelFileError(
                f"The file's header is longer than {self._limit_bytes >> 20} MiB. It is damaged: "
                "download it again."
            )
        while len(self._data) < end:
            wanted = max(end - len(self._data), len(self._data), _FIRST_READ_BYTES)
            block = self._file.read(min(wanted, self._limit_bytes - len(self._data)))
            if not block:
                raise ModelFileError("The file became shorter while it was read. Try again.")
            self._data += block
