"""Pages of a model file that are mapped and not needed any more."""

from __future__ import annotations

import ctypes
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

REPACKED = re.compile(r"REPACK model buffer size")
"""In llama.cpp's log, if it keeps weights in another layout than the file's."""

_MADV_DONTNEED = 4
_MAPS = Path("/proc/self/maps")
_FILE_MAPPING = re.compile(r"^([0-9a-f]+)-([0-9a-f]+) \S+ \S+ \S+ \S+ +(/.*)$", re.MULTILINE)
"""Addresses, rights, offset, device, inode and name."""


def release_pages(path: str) -> None:
    """Give back the memory of what was read of the file at `path`, and of its other parts.

    llama.cpp maps the file, and rearranges some weights for the processor into memory of
    their own: these would be there twice. What of the mapping is used again comes back by
    itself, from the system's cache.
    """
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None)
    for start, end in mappings(_MAPS.read_text(), os.path.realpath(path)):
        libc.madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), _MADV_DONTNEED)


def mappings(maps: str, path: str) -> Iterator[tuple[int, int]]:
    """Where a model's files lie, in the text of `/proc/self/maps` (proc_pid_maps(5)).

    A model in several files has their number before the suffix: `-00001-of-00003.gguf`.
    """
    pattern = re.escape(re.sub(r"\d{5}(?=-of-\d{5}\.gguf$)", "NUMBER", path))
    is_part = re.compile(pattern.replace("NUMBER", r"\d{5}")).fullmatch
    for start, end, name in _FILE_MAPPING.findall(maps):
        if is_part(name):
            yield int(start, 16), int(end, 16)
