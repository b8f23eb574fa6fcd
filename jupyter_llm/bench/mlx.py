"""How close the server comes to mlx-lm's own with the same model."""

from __future__ import annotations

from pathlib import Path

from . import native, servers

NATIVE = "mlx_lm.server"


def measure(_model: Path, *, num_rounds: int) -> str:
    """Run both on a model of their own; returns a table in Markdown."""
    if reason := servers.missing(NATIVE):
        return f"Left out: {reason}."
    contenders = {NATIVE: servers.mlx_lm_server, "jupyter-llm": servers.jupyter_llm}
    return native.compare(NATIVE, contenders, num_rounds=num_rounds)
