"""Requests to vector databases: the same for both clients."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from .search_results import SearchResult, SearchResults
from .work import Work

if TYPE_CHECKING:
    from .documents import Document

LOCAL = "local"
_CLAUSES = {"must", "should", "must_not", "min_should"}
_FLOAT_BYTES = 4


def floats(vector: bytes) -> list[float]:
    """The numbers of a vector."""
    return list(struct.unpack(f"<{len(vector) // _FLOAT_BYTES}f", vector))


def creation(
    database: str, name: str, *, vector_size: int, indexes: Mapping[str, str]
) -> Work[dict[str, Any]]:
    """A new collection, for vectors of length 1."""
    body = {"vector_size": vector_size, "distance": "Cosine", "payload_indexes": dict(indexes)}
    return Work(path=_path(database, name), body=body, read=_itself, method="PUT")


def removal(database: str, name: str) -> Work[dict[str, Any]]:
    """A collection to go."""
    return Work(path=_path(database, name), body=None, read=_itself, method="DELETE")


def points(
    database: str, name: str, documents: Sequence[Document], vectors: Sequence[bytes]
) -> Work[int]:
    """Points to put in; how many they were."""
    body = {
        "points": [
            {"id": document.id, "vector": floats(vector), "payload": document.payload}
            for document, vector in zip(documents, vectors, strict=True)
        ]
    }
    path = f"{_path(database, name)}/points"
    return Work(path=path, body=body, read=lambda answer: int(answer["num_points"]), method="PUT")


def search(
    database: str, name: str, vector: bytes, *, limit: int, where: Mapping[str, Any] | None
) -> Work[SearchResults]:
    """The texts whose vectors are nearest, best first."""
    body: dict[str, Any] = {"query_vector": floats(vector), "limit": limit}
    if where:
        body["filter"] = condition(where)
    return Work(path=f"{_path(database, name)}/points/search", body=body, read=_results)


def condition(where: Mapping[str, Any]) -> dict[str, Any]:
    """Qdrant's filter for `{column: value}`, or several values; one of Qdrant's stays as it is."""
    if not where.keys().isdisjoint(_CLAUSES):
        return dict(where)
    return {"must": [{"key": key, "match": _match(value)} for key, value in where.items()]}


def _match(value: Any) -> dict[str, Any]:
    several = isinstance(value, list | tuple | set | frozenset)
    return {"any": list(value)} if several else {"value": value}


def _results(answer: dict[str, Any]) -> SearchResults:
    return SearchResults(SearchResult.of(point) for point in answer["results"])


def _itself(answer: dict[str, Any]) -> dict[str, Any]:
    return answer


def _path(database: str, name: str) -> str:
    where = quote(database, safe="")
    return f"api/v1/vector-db/{where}/collections/{quote(name, safe='')}"
