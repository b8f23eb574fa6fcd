"""What a model asks of the machine's memory."""

from __future__ import annotations

import os
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Need:
    """Memory of devices of one kind, in bytes.

    `path` is the model's file: servers that map the same file share its memory.
    """

    num_bytes: int
    kind: str = "cpu"
    path: str = ""

    def file(self) -> str:
        """The same for every name of the file and every process; empty where there is none."""
        try:
            status = os.stat(self.path)  # noqa: PTH116 - an empty path is no path
        except OSError:
            return ""
        return f"{status.st_dev}:{status.st_ino}"
