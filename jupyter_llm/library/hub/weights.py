"""What of a repository would be loaded, in which format, and how large that is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from jupyter_llm.errors import LLMError
from jupyter_llm.library.hub.choose import choices, choose

if TYPE_CHECKING:
    from jupyter_llm.library.hub.repo import HubRepo

_SUFFIXES = {".safetensors": "safetensors", ".bin": "pytorch", ".pt": "pytorch"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Weights:
    """`format` is empty for a repository without weights that are known here."""

    format: str = ""
    size_bytes: int = 0


def weights_of(repo: HubRepo, memory_bytes: int) -> Weights:
    """The weights of a repository: safetensors before others, of GGUF files those that suit.

    Files in folders are other copies of the same weights, as a rule.
    """
    sizes: dict[str, int] = {}
    for file in repo.files:
        path = PurePosixPath(file.path)
        kind = _SUFFIXES.get(path.suffix.lower())
        if kind and path.parent == PurePosixPath() and not path.name.startswith("consolidated"):
            sizes[kind] = sizes.get(kind, 0) + file.size_bytes
    for kind in ("safetensors", "pytorch"):
        if kind in sizes:
            return Weights(format=kind, size_bytes=sizes[kind])
    if not (found := choices(repo)):
        return Weights()
    try:
        return Weights(format="gguf", size_bytes=choose(repo, "", memory_bytes).size_bytes)
    except LLMError:  # none fits: the smallest says by how much
        return Weights(format="gguf", size_bytes=found[0].size_bytes)
