"""Keeps the weights of models that are in use from being paged out, on Apple silicon."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from .arrays import core

_turn = threading.Lock()
_num_users = 0


@contextmanager
def wired() -> Iterator[None]:
    """Let MLX wire as much memory as the system recommends, while any model is in memory."""
    most = core().device_info().get("max_recommended_working_set_size")
    if most is None:  # there is nothing to wire for a processor
        yield
        return
    _use(1, most)
    try:
        yield
    finally:
        _use(-1, 0)


def _use(change: int, limit_bytes: int) -> None:
    global _num_users  # noqa: PLW0603 - the limit is one of the process
    with _turn:
        is_edge = _num_users == 0 or _num_users + change == 0
        _num_users += change
        if is_edge:
            core().set_wired_limit(limit_bytes)
