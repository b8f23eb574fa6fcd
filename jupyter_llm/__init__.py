"""Language models that run inside the notebook server.

Kernels, the notebook server and the build tools all import this module, so it
imports nothing itself: each entry point loads its own side when it is called.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._version import __version__

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from .client.llm import LLM, llm

__all__ = ["LLM", "__version__", "llm"]


def __getattr__(name: str) -> Any:
    if name in {"LLM", "llm"}:
        from .client import llm as module

        return getattr(module, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    from .app import LLMExtension

    return [{"module": "jupyter_llm", "app": LLMExtension}]


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    return [{"src": "labextension", "dest": "@jupyter-llm/labextension"}]


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Register the `%llm` and `%%llm` magics (`%load_ext jupyter_llm`)."""
    from .kernel.magics import register

    register(shell)
