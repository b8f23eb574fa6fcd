"""The one call in which llama.cpp computes."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from jupyter_llm.errors import EngineDiedError

from .bindings import log_lines

DECODED = 0
NO_ROOM = 1
"""`llama_decode` found no cells for the batch; nothing was computed."""


def is_decoded(llama: ModuleType, context: Any, batch: Any, *, what: str = "a step") -> bool:
    """Compute a `llama_batch`; False if there was no room, and then nothing was computed.

    Raises:
        EngineDiedError: llama.cpp failed to compute `what`, and the context may be broken.
    """
    code = int(llama.llama_decode(context, batch))
    if code not in (DECODED, NO_ROOM):
        raise EngineDiedError(
            f"llama.cpp failed to compute {what} (code {code}): {log_lines.errors()}"
        )
    return code == DECODED
