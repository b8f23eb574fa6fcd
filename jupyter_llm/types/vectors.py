"""Vectors in a database: collections of points, and searches among them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Distance = Literal["Cosine", "Dot", "Euclid", "Manhattan"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Collection:
    """A collection of points with vectors of `vector_size` numbers.

    `num_indexed` of the `num_points` are in an index; the others are compared one by one.
    `payload_indexes` are the fields of payloads that have one, and its kind.
    """

    name: str
    vector_size: int
    distance: Distance
    num_points: int = 0
    num_indexed: int = 0
    payload_indexes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class VectorQuery:
    """Which points are wanted: the `limit` nearest to `vector`, after the first `offset`.

    `filter` is one of Qdrant's, as JSON has it; `score_threshold` leaves out what is worse.
    """

    vector: tuple[float, ...]
    limit: int = 10
    offset: int = 0
    filter: Mapping[str, Any] | None = None
    score_threshold: float | None = None
    with_payload: bool = True
    with_vector: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class FoundPoint:
    """A point that was found; `id` is a number or a UUID."""

    id: int | str
    score: float
    payload: Mapping[str, Any] | None = None
    vector: tuple[float, ...] | None = None
