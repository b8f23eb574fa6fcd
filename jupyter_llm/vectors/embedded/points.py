"""Points on their way into the engine and out of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Any

import qdrant_edge as edge

from jupyter_llm.vectors.embedded.bodies import Batch, PointBody, PointId, UpsertBody, point_id
from jupyter_llm.vectors.embedded.refusals import bad, engine_errors

AT_ONCE = 200
"""Points between two looks at what else is to be done: of 384 numbers, some 15 ms of work."""

Row = tuple[PointId, edge.Point]


def points_of(body: UpsertBody, size: int) -> list[Row]:
    """The points of a body, each with its id.

    Raises:
        Refusal: One is wrong; the field is named, and none is to be put in.
    """
    if body.batch is not None:
        bodies, at = list(_rows(body.batch)), "batch"
    else:
        bodies, at = body.points or [], "points"
    if not bodies:
        raise bad("There is no point to put in.", at)
    return [_point(one, size, f"{at}[{number}]") for number, one in enumerate(bodies)]


def _rows(batch: Batch) -> Iterator[PointBody]:
    payloads = batch.payloads or []
    if len(batch.vectors) != len(batch.ids) or len(payloads) > len(batch.ids):
        raise bad("ids, vectors and payloads are not as many.", "batch")
    for point, vector, payload in zip_longest(batch.ids, batch.vectors, payloads):
        yield PointBody(id=point, vector=vector, payload=payload)


def _point(body: PointBody, size: int, at: str) -> Row:
    check_size(body.vector, size, f"{at}.vector")
    point = point_id(body.id, f"{at}.id")
    with engine_errors(f"{at}.payload"):
        return point, edge.Point(point, body.vector, body.payload or {})


def check_size(vector: Sequence[float], size: int, param: str) -> None:
    """See that a vector is one of the collection.

    Raises:
        Refusal: It is not; both sizes are in the message.
    """
    if len(vector) != size:
        raise bad(
            f"Vector dimension error: expected dim: {size}, got {len(vector)}: the collection's "
            f"vectors have {size} numbers, and this one has {len(vector)}.",
            param,
        )


def record_body(record: Any) -> dict[str, Any]:
    """A point as an answer has it."""
    return {"id": wire_id(record.id), "payload": record.payload, "vector": record.vector}


def scored_body(point: Any) -> dict[str, Any]:
    """A point that was found."""
    return {**record_body(point), "score": point.score, "version": point.version}


def wire_id(point: PointId | None) -> int | str | None:
    """An id as JSON has it."""
    return point if point is None or isinstance(point, int) else str(point)


def selector(asked: bool | list[str] | dict[str, list[str]] | None, *, default: bool) -> Any:
    """Which fields of payloads are asked for.

    Raises:
        Refusal: It is not said as Qdrant says it.
    """
    if asked is None:
        return default
    if not isinstance(asked, dict):
        return asked
    with engine_errors("with_payload"):
        match asked:
            case {"include": names, **rest} if not rest:
                return names
            case {"exclude": names, **rest} if not rest:
                return edge.PayloadSelector.Exclude(names)
    raise bad("'with_payload' is true, false, names, or 'include' or 'exclude'.", "with_payload")
