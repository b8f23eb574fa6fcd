"""Other packages that have an `%llm` or an `%%llm` of their own."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

_KINDS = {"line": "%", "cell": "%%"}


def others(shell: InteractiveShell, kind: type) -> dict[str, str]:
    """The packages whose magics stand where those of `kind` should, by the magic's name."""
    found = {}
    for spec, mark in _KINDS.items():
        owner = _owner(shell, spec)
        if owner is not None and not isinstance(owner, kind):
            found[f"{mark}llm"] = str(owner.__module__)
    return found


def is_registered(shell: InteractiveShell, kind: type) -> bool:
    """Whether both magics are there, and of `kind`."""
    return all(isinstance(_owner(shell, spec), kind) for spec in _KINDS)


def warn_of_replaced(replaced: dict[str, str]) -> None:
    """Say whose magics have just been replaced by ours."""
    for magic, module in replaced.items():
        warnings.warn(
            f"jupyter_llm replaces the {magic} magic of {module}. "
            "Load that package after jupyter_llm to have its own back.",
            stacklevel=4,
        )


def warn_of_lost(lost: dict[str, str]) -> None:
    """Say who has replaced our magics."""
    for magic, module in lost.items():
        warnings.warn(
            f"{magic} is that of {module} now, which has replaced the one of jupyter_llm. "
            "`%reload_ext jupyter_llm` brings ours back.",
            stacklevel=2,
        )


def _owner(shell: InteractiveShell, spec: str) -> Any:
    magic = shell.magics_manager.magics[spec].get("llm")
    return getattr(magic, "__self__", magic)
