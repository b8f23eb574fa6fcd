"""What files turn out to hold, beside models and adapters."""

from __future__ import annotations

from dataclasses import dataclass

from jupyter_llm.types import Adapter, Model


@dataclass(frozen=True, kw_only=True, slots=True)
class DescribedModel:
    """A model, and the length of the vectors that a projector has to give it (0: unknown)."""

    model: Model
    width: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Projector:
    """What turns images or sound into vectors of length `width` for a model's file beside it."""

    path: str
    stem: str
    width: int
    modalities: tuple[str, ...]
    size_bytes: int


Described = DescribedModel | Projector | Adapter
