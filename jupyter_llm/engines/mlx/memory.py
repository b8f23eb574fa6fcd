"""Whether there can be as much memory as a model takes."""

from __future__ import annotations

from jupyter_llm.engines.common.room import check_system_room, no_room

from .arrays import core


def check_room(need_bytes: int) -> None:
    """See that memory of this size can be had at all, before any is filled.

    Raises:
        ModelLoadError: It cannot.
    """
    most = core().device_info().get("max_recommended_working_set_size")
    if most is not None and need_bytes > most:
        raise no_room(need_bytes, f"the GPU can use {most} bytes")
    check_system_room(need_bytes)
