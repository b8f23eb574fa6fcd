"""A machine with as much memory as a test wants."""

from __future__ import annotations

from jupyter_llm.hardware.cgroup import MemoryLimit
from jupyter_llm.hardware.devices import Reading
from jupyter_llm.hardware.pool import MemoryPool
from jupyter_llm.types import Device


def pool_of(free_bytes: int, *, margin_bytes: int = 0) -> MemoryPool:
    """A pool on a machine that always has this much free beside what is being loaded."""
    ram = Device(
        id="cpu", kind="cpu", name="RAM", total_bytes=free_bytes, used_bytes=0, own_bytes=0
    )
    limit = MemoryLimit(limit_bytes=free_bytes, used_bytes=0)
    return MemoryPool(
        read=lambda: Reading(devices=(ram,), limits=(limit,)), margin_bytes=margin_bytes
    )
