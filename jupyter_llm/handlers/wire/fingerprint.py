"""A short name for what computes an answer: while it stays, a seed gives the same answer."""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from jupyter_llm._version import __version__

if TYPE_CHECKING:
    from jupyter_llm.types import Model

_PACKAGES = {"llama_cpp": "llama-cpp-python", "mlx": "mlx-lm", "vllm": "vllm"}


def fingerprint(model: Model) -> str:
    """OpenAI's `system_fingerprint`, of the model's file, its engine and their versions."""
    return _fingerprint(model.id, model.path, model.size_bytes, model.engine)


@lru_cache(maxsize=256)
def _fingerprint(model_id: str, path: str, size_bytes: int, engine: str) -> str:
    parts = (model_id, path, size_bytes, engine, _engine_version(engine), __version__)
    return "fp_" + sha256(repr(parts).encode()).hexdigest()[:10]


def _engine_version(engine: str) -> str:
    try:
        return version(_PACKAGES.get(engine, engine))
    except PackageNotFoundError:
        return ""
