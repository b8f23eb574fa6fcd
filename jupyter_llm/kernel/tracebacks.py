"""Errors in a cell: one readable line instead of a page of our own frames."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from jupyter_llm.errors import LLMError

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def concise_tracebacks() -> Iterator[None]:
    """Let errors of ours and interrupts through with a traceback of one line.

    They are raised, not printed: nbclient, papermill and "run all cells" have
    to notice.
    """
    try:
        yield
    except (LLMError, KeyboardInterrupt) as exc:
        lines = [": ".join(filter(None, (type(exc).__name__, str(exc))))]
        lines += getattr(exc, "__notes__", [])
        # IPython asks the exception itself; a KeyboardInterrupt has no such method to override.
        vars(exc)["_render_traceback_"] = lambda: lines
        raise
