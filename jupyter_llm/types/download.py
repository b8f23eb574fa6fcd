"""Files on their way from the Hub."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class DownloadState(StrEnum):
    """Where a download stands; one that was cancelled or failed can be resumed.

    `DISMISSED` is told once, when it is forgotten.
    """

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    DISMISSED = "dismissed"


@dataclass(frozen=True, kw_only=True, slots=True)
class Download:
    """Files of a Hub repository on their way to the disk.

    `path` is the model's file when all have arrived, `revision` the commit they are
    from. `eta_s` is the time that is left, `None` while nobody can tell.
    """

    id: str
    repo_id: str
    revision: str
    filenames: tuple[str, ...]
    path: str
    state: DownloadState
    size_bytes: int
    done_bytes: int = 0
    bytes_per_s: float = 0.0
    eta_s: float | None = None
    error: str = ""
