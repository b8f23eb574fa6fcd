"""The memory that Apple's GPUs may have of the system's."""

from __future__ import annotations

import ctypes
import platform
from typing import TYPE_CHECKING

from jupyter_llm.hardware.kinds import METAL
from jupyter_llm.types import Device

if TYPE_CHECKING:
    from collections.abc import Callable


_MEBIBYTE = 1 << 20
_SMALL_BYTES = 36 << 30


def read_metal(ram: Device, sysctl: Callable[[str], int] | None = None) -> Device | None:
    """The GPU of this machine, if it is Apple's; `ram` is the system's memory.

    Memory is unified: what is free for the GPU is what the system has free, within the
    working set that macOS grants. `sysctl` reads a number of the kernel, 0 if unknown.
    """
    if (platform.system(), platform.machine()) != ("Darwin", "arm64"):
        return None
    total_bytes = working_set_bytes(ram.total_bytes, (sysctl or _sysctl)("iogpu.wired_limit_mb"))
    free_bytes = min(total_bytes - ram.own_bytes, ram.total_bytes - ram.used_bytes)
    return Device(
        id=METAL,
        kind=METAL,
        name="Apple GPU",
        total_bytes=total_bytes,
        used_bytes=min(max(total_bytes - free_bytes, 0), total_bytes),
        own_bytes=min(ram.own_bytes, total_bytes),
    )


def working_set_bytes(ram_bytes: int, wired_limit_mib: int) -> int:
    """What macOS lets the GPU have: the operator's limit, or else its own.

    That is two thirds of the memory up to 36 GiB and three quarters above, as Metal's
    recommendedMaxWorkingSetSize reports it.
    """
    if wired_limit_mib > 0:
        return min(wired_limit_mib * _MEBIBYTE, ram_bytes)
    return ram_bytes * 2 // 3 if ram_bytes <= _SMALL_BYTES else ram_bytes * 3 // 4


def _sysctl(name: str) -> int:
    value, size = ctypes.c_int64(0), ctypes.c_size_t(8)
    libc = ctypes.CDLL(None)
    code = libc.sysctlbyname(name.encode(), ctypes.byref(value), ctypes.byref(size), None, 0)
    return 0 if code else value.value
