"""Vector databases."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Literal, NotRequired, TypedDict

from jupyter_llm.handlers.wire.vectors import CollectionBody, PointsBody, SearchBody
from jupyter_llm.types import Distance

from .endpoint import Endpoint, Statuses

ASKS: Statuses = frozenset(
    {
        HTTPStatus.NOT_FOUND,
        HTTPStatus.NOT_IMPLEMENTED,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
    }
)
"""Of routes that ask a vector database."""

_ONE = "/api/v1/vector-db/{database_id}/collections/{name}"


class CollectionNames(TypedDict):
    """All collections of a database."""

    success: Literal[True]
    collections: list[str]
    service_id: str


class Vectors(TypedDict):
    """What the vectors of a collection are like."""

    size: int
    distance: Distance


class CollectionParams(TypedDict):
    """The same, where Qdrant has it."""

    vectors: Vectors


class CollectionConfig(TypedDict):
    """The same."""

    params: CollectionParams


class CollectionInfo(TypedDict):
    """What a collection is like; points outside of the index are compared one by one."""

    points_count: int
    indexed_vectors_count: int
    payload_indexes: dict[str, str]
    config: CollectionConfig


class CollectionAnswer(TypedDict):
    """A collection."""

    success: Literal[True]
    collection_name: str
    collection_info: CollectionInfo


class CollectionDeleted(TypedDict):
    """A collection that is gone."""

    success: Literal[True]
    message: str
    collection_name: str


class CollectionCreated(CollectionDeleted):
    """A collection that was made."""

    vector_size: int
    distance: Distance


class PointsUpserted(TypedDict):
    """Points that are in."""

    success: Literal[True]
    message: str
    num_points: int


class SearchResult(TypedDict):
    """A point that was found; its id is a number or a UUID."""

    id: int | str
    score: float
    payload: dict[str, Any] | None
    vector: NotRequired[list[float]]


class SearchResults(TypedDict):
    """What a search has found, best first."""

    success: Literal[True]
    results: list[SearchResult]
    num_results: int


ENDPOINTS: dict[str, Endpoint] = {
    "GET /api/v1/vector-db/{id}/collections": Endpoint(answer=CollectionNames, errors=ASKS),
    f"GET {_ONE}": Endpoint(answer=CollectionAnswer, errors=ASKS),
    f"PUT {_ONE}": Endpoint(
        body=CollectionBody,
        example={"vector_size": 384, "distance": "Cosine"},
        answer=CollectionCreated,
        errors=ASKS | {HTTPStatus.CONFLICT},
    ),
    f"DELETE {_ONE}": Endpoint(answer=CollectionDeleted, errors=ASKS),
    f"PUT {_ONE}/points": Endpoint(
        body=PointsBody,
        example={
            "points": [{"id": 1, "vector": [0.1, 0.2, 0.3, 0.4], "payload": {"text": "First"}}]
        },
        answer=PointsUpserted,
        errors=ASKS,
    ),
    f"POST {_ONE}/points/search": Endpoint(
        body=SearchBody,
        example={"query_vector": [0.1, 0.2, 0.3, 0.4], "limit": 5},
        answer=SearchResults,
        errors=ASKS,
    ),
    "GET /api/v1/vector-db/{id}/metrics": Endpoint(content_type="text/plain", errors=ASKS),
}
