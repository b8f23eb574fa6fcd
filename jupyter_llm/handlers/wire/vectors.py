"""Collections of vectors, and searches in them, as JSON."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from jupyter_llm.types import Collection, Distance, FoundPoint, VectorQuery

from .decode import decode
from .fields import NonEmpty, NumberOf

MAX_SIZE = 65_536
MAX_LIMIT = 1000

Index = Literal["keyword", "integer", "float", "bool", "datetime", "text", "uuid", "geo"]
# what it holds is for the database to say: vectors are most of the bytes, and go on as they came
RawVector = Annotated[
    msgspec.Raw, Meta(extra_json_schema={"type": "array", "items": {"type": "number"}})
]
PointId = (
    Annotated[int, Meta(ge=0, le=2**63 - 1)]
    | Annotated[str, Meta(pattern="^[0-9A-Fa-f-]{32,36}$", description="a UUID")]
)


class CollectionBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A collection to make."""

    vector_size: Annotated[int, Meta(ge=1, le=MAX_SIZE)]
    distance: Distance = "Cosine"
    payload_indexes: dict[NonEmpty, Index] = {}


class PointBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A point; one that has its id gives way."""

    id: PointId
    vector: RawVector
    payload: dict[str, Any] | None = None


class PointsBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Points to put in."""

    points: Annotated[list[PointBody], Meta(min_length=1)]


class SearchBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A search; `filter` is one of Qdrant's."""

    query_vector: Annotated[list[float], Meta(min_length=1, max_length=MAX_SIZE)]
    limit: Annotated[int, Meta(ge=1, le=MAX_LIMIT)] = 10
    offset: NumberOf = 0
    filter: dict[str, Any] | None = None
    score_threshold: float | None = None
    with_payload: bool = True
    with_vector: bool = False


_COLLECTION = msgspec.json.Decoder(CollectionBody)
_POINTS = msgspec.json.Decoder(PointsBody)
_SEARCH = msgspec.json.Decoder(SearchBody)


def collection_call(body: bytes) -> CollectionBody:
    """The collection that a body asks for.

    Raises:
        InvalidRequestError: `param` names the field that is wrong.
    """
    return decode(body, _COLLECTION)


def num_points(body: bytes) -> int:
    """How many points a body brings, whose form is as it should be.

    The numbers of their vectors are left to the database.

    Raises:
        InvalidRequestError: `param` names the field that is wrong.
    """
    return len(decode(body, _POINTS).points)


def search_call(body: bytes) -> VectorQuery:
    """The search that a body asks for.

    Raises:
        InvalidRequestError: `param` names the field that is wrong.
    """
    asked = decode(body, _SEARCH)
    return VectorQuery(
        vector=tuple(asked.query_vector),
        limit=asked.limit,
        offset=asked.offset,
        filter=asked.filter,
        score_threshold=asked.score_threshold,
        with_payload=asked.with_payload,
        with_vector=asked.with_vector,
    )


def collections_body(names: tuple[str, ...], database_id: str) -> dict[str, Any]:
    """The names of all collections."""
    return {"success": True, "collections": list(names), "service_id": database_id}


def collection_body(collection: Collection) -> dict[str, Any]:
    """What a collection is like, with the names that Qdrant has for it."""
    vectors = {"size": collection.vector_size, "distance": collection.distance}
    return {
        "success": True,
        "collection_name": collection.name,
        "collection_info": {
            "points_count": collection.num_points,
            "indexed_vectors_count": collection.num_indexed,
            "payload_indexes": dict(collection.payload_indexes),
            "config": {"params": {"vectors": vectors}},
        },
    }


def created_body(name: str, asked: CollectionBody) -> dict[str, Any]:
    """A collection that was made."""
    return {
        "success": True,
        "message": f"Collection '{name}' created",
        "collection_name": name,
        "vector_size": asked.vector_size,
        "distance": asked.distance,
    }


def deleted_body(name: str) -> dict[str, Any]:
    """A collection that is gone."""
    return {"success": True, "message": f"Collection '{name}' deleted", "collection_name": name}


def upserted_body(name: str, count: int) -> dict[str, Any]:
    """Points that are in."""
    return {
        "success": True,
        "message": f"Upserted {count} points to collection '{name}'",
        "num_points": count,
    }


def found_body(points: tuple[FoundPoint, ...]) -> bytes:
    """What a search has found, best first; `vector` where it was asked for."""
    results = [
        {"id": point.id, "score": point.score, "payload": point.payload}
        | ({} if point.vector is None else {"vector": point.vector})
        for point in points
    ]
    body = {"success": True, "results": results, "num_results": len(results)}
    return msgspec.json.encode(body)
