"""Whose turn it is at a model."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class QueuePosition:
    """Where a request stands: `position` 1 is the next one, 0 has its turn."""

    request_id: str
    model_id: str
    position: int
