"""What the probe and its child say to each other."""

from __future__ import annotations

from dataclasses import dataclass

from msgspec import Struct

from jupyter_llm.engines.failure import Failure
from jupyter_llm.types import LoadOptions, MemoryUse, Model


@dataclass(frozen=True, kw_only=True, slots=True)
class ProbeResult:
    """What a model would take, and what it is.

    A recurrent model keeps one state per sequence instead of a cell per token; a
    hybrid one keeps both.
    """

    memory: MemoryUse
    trained_context_length: int
    num_layers: int
    is_recurrent: bool
    is_hybrid: bool


class ProbeRequest(Struct, frozen=True):
    """What the child reads from its standard input."""

    model: Model
    options: LoadOptions


class ProbeAnswer(Struct, frozen=True):
    """What the child writes as one line of JSON: exactly one of the two."""

    result: ProbeResult | None = None
    failure: Failure | None = None
