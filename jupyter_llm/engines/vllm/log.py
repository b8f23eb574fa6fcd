"""What vLLM's log tells: how far a load is, and why one failed."""

from __future__ import annotations

import re
from pathlib import Path

_MAX_BYTES = 1 << 20
_MAX_CHARS = 300

_STEPS = (
    ("Initializing a V1 LLM engine", 0.25),
    ("Starting to load model", 0.35),
    ("Loading weights took", 0.7),
    ("KV cache size", 0.8),
    ("Graph capturing finished", 0.95),
)

_CAUSE = re.compile(r"^(?:[\w.]+\.)?(\w*(?:Error|Exception|Interrupt)): (.+)$", re.MULTILINE)
_EMPTY_WORDS = ("Engine core initialization failed", "WorkerProc initialization failed")


def read_log(path: Path) -> str:
    """The end of a log; empty where there is none."""
    try:
        with path.open("rb") as file:
            file.seek(max(path.stat().st_size - _MAX_BYTES, 0))
            return file.read().decode(errors="replace")
    except OSError:
        return ""


def progress_in(text: str) -> float:
    """The part of a load that is done, 0 to 1."""
    return max((part for words, part in _STEPS if words in text), default=0.0)


def cause_in(text: str) -> str:
    """The last error that says something; empty where none does."""
    found = [
        f"{kind}: {words}"
        for kind, words in _CAUSE.findall(text)
        if not words.startswith(_EMPTY_WORDS)
    ]
    return found[-1].strip()[:_MAX_CHARS] if found else ""
