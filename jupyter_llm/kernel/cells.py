"""Which cell is running."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .history import Place

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


def place_of(shell: InteractiveShell) -> Place:
    """The cell and the execution that called a magic.

    Front ends name the cell in the metadata of their request: JupyterLab and
    VS Code as `cellId`, others as `cell_id`. A terminal has neither.
    """
    get_parent = getattr(shell, "get_parent", None)
    request = get_parent() if get_parent else {}
    metadata = request.get("metadata") or {}
    return Place(
        cell_id=metadata.get("cellId") or metadata.get("cell_id") or "",
        run_id=request.get("header", {}).get("msg_id", ""),
    )
