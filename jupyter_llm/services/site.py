"""Where services run: a shell, a launcher on it, and the folder for their jobs."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jupyter_llm.services.script import Place

if TYPE_CHECKING:
    from jupyter_llm.services.folder import Folders
    from jupyter_llm.services.launcher import Launcher
    from jupyter_llm.services.shell import Shell

_EVERYWHERE = "0.0.0.0"  # noqa: S104 - nodes of a cluster reach each other; a key keeps others out
_LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, kw_only=True, slots=True)
class Site:
    """`python` is what runs servers of this package there.

    Records and folders of services are kept for `keep_s` seconds after their end, with 0 for ever.
    """

    shell: Shell
    launcher: Launcher
    folders: Folders
    python: str = sys.executable
    keep_s: float = 0.0

    def place(self, folder: str, gpus: str) -> Place:
        """Where the job with this folder runs."""
        is_local = self.launcher.is_local
        return Place(
            folder=folder,
            python=self.python,
            host=_LOOPBACK if is_local else _EVERYWHERE,
            is_local=is_local,
            gpus=gpus,
        )
