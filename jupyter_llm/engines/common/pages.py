"""Memory that the allocator keeps for later, and the system could have."""

from __future__ import annotations

import ctypes
import ctypes.util


def return_free_pages() -> None:
    """Hand freed pages back; glibc otherwise keeps them for later allocations."""
    libc = ctypes.CDLL(ctypes.util.find_library("c"))
    if hasattr(libc, "malloc_trim"):
        libc.malloc_trim(0)
