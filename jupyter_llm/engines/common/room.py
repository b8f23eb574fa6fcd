"""Whether the system has room for a model."""

from __future__ import annotations

import mmap

from jupyter_llm.errors import ModelLoadError


def check_system_room(need_bytes: int) -> None:
    """See that the system gives this process so much memory, without filling any.

    Raises:
        ModelLoadError: It does not.
    """
    try:
        mmap.mmap(-1, max(need_bytes, 1)).close()
    except (OSError, OverflowError, ValueError) as error:
        raise no_room(need_bytes, "the system refuses so much") from error


def no_room(need_bytes: int, reason: str) -> ModelLoadError:
    """What to tell who asks for too much."""
    return ModelLoadError(
        f"The model would take {need_bytes} bytes with its cache, and {reason}. Ask for a shorter "
        "context_length or fewer num_kv_cells, or take a smaller model."
    )
