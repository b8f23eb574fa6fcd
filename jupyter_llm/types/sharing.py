"""Whose turn it is at a model."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class QueuePosition:
    """Where a request stands: `position` 1 is the next one, 0 has its turn.

    `stream_id` is the name that its client gave the stream of its answer, if it gave one.
    """

    request_id: str
    model_id: str
    position: int
    stream_id: str = ""
