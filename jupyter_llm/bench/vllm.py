"""How close the server comes to vLLM's own with the same model and the same settings."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from . import native, servers

NATIVE = "vllm serve"


def measure(_model: Path, *, num_rounds: int) -> str:
    """Run both on a model of their own; returns a table in Markdown."""
    python = servers.python_with_vllm()
    if not python:
        return "Left out: make vllm to compare with it."
    contenders = {
        NATIVE: partial(servers.vllm_server, python=python),
        "jupyter-llm": partial(servers.jupyter_llm, python=python),
    }
    return native.compare(NATIVE, contenders, num_rounds=num_rounds)
