"""Cores that this process may use."""

from __future__ import annotations

import os

from jupyter_llm.hardware.cgroup import cpu_limit


def num_usable_cores() -> int:
    """Cores this process may run on, bounded by its affinity and its control groups.

    A share of a core counts as one: less than one thread computes nothing.
    """
    return cores_within(_num_allowed_cores(), cpu_limit())


def cores_within(num_cores: int, limit: float | None) -> int:
    """The whole cores that a limit on processor time leaves of `num_cores`."""
    return num_cores if limit is None else max(1, min(num_cores, int(limit)))


def _num_allowed_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
