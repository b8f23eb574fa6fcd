"""Memory of this machine, as much of it as this process may use."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil

from jupyter_llm.hardware.cgroup import MemoryLimit, memory_limits
from jupyter_llm.hardware.kinds import RAM
from jupyter_llm.types import Device

if TYPE_CHECKING:
    from collections.abc import Sequence

ENGINE_PROCESS = "jupyter_llm.engines."
"""Begins the module that a child process runs for an engine; kernels are children, too."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ram:
    """The system's memory as this process finds it, and every bound on it.

    `own_mapped_bytes` are resident pages of mapped files: weights, above all.
    """

    device: Device
    limits: tuple[MemoryLimit, ...]
    own_mapped_bytes: int


@dataclass(frozen=True, kw_only=True, slots=True)
class OwnMemory:
    """What this process and its engines hold; `mapped_bytes` is part of the resident."""

    pids: frozenset[int]
    resident_bytes: int
    mapped_bytes: int


def read_ram(own: OwnMemory | None = None) -> Ram:
    """The system's memory, or the control group's where that leaves less.

    Weights are mapped files: the system counts their pages as cache it could take
    back, yet the next token needs them. Those of our own processes count as used.
    """
    own = own or own_memory()
    system = psutil.virtual_memory()
    whole = MemoryLimit(limit_bytes=system.total, used_bytes=system.total - system.available)
    limits = tuple(_with_mapped(limit, own.mapped_bytes) for limit in (whole, *memory_limits()))
    tightest = tightest_limit(limits)
    device = Device(
        id=RAM,
        kind="cpu",
        name="System memory",
        total_bytes=tightest.limit_bytes,
        used_bytes=tightest.used_bytes,
        own_bytes=own.resident_bytes,
    )
    return Ram(device=device, limits=limits, own_mapped_bytes=own.mapped_bytes)


def tightest_limit(limits: Sequence[MemoryLimit]) -> MemoryLimit:
    """The bound that leaves the least."""
    return min(limits, key=lambda limit: limit.free_bytes)


def own_memory() -> OwnMemory:
    """The memory of this process and its engines."""
    own = psutil.Process()
    pids = {os.getpid()}
    resident = mapped = 0
    for process in (own, *filter(_is_engine, own.children())):
        try:
            memory = process.memory_info()
        except psutil.Error:
            continue
        pids.add(process.pid)
        resident += memory.rss
        mapped += getattr(memory, "shared", 0)
    return OwnMemory(pids=frozenset(pids), resident_bytes=resident, mapped_bytes=mapped)


def _with_mapped(limit: MemoryLimit, mapped_bytes: int) -> MemoryLimit:
    used = min(limit.used_bytes + mapped_bytes, limit.limit_bytes)
    return MemoryLimit(limit_bytes=limit.limit_bytes, used_bytes=used, group=limit.group)


def _is_engine(process: psutil.Process) -> bool:
    try:
        return any(word.startswith(ENGINE_PROCESS) for word in process.cmdline())
    except psutil.Error:
        return False
