"""What Qdrant answers, as values and as errors of ours."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Generic, TypeVar

import msgspec

from jupyter_llm.errors import (
    CollectionExistsError,
    CollectionNotFoundError,
    InvalidRequestError,
    LLMError,
    UpstreamError,
)
from jupyter_llm.types import Collection, Distance, FoundPoint

T = TypeVar("T")

_MAX_CHARS = 300
_FIELDS = {"query": "query_vector", "vectors.size": "vector_size", "vectors.distance": "distance"}
"""What fields are called here that Qdrant calls something else."""


class _Reply(msgspec.Struct, Generic[T]):
    result: T


class _Name(msgspec.Struct):
    name: str


class _Names(msgspec.Struct):
    collections: list[_Name]


class _Params(msgspec.Struct):
    vectors: Any


class _Config(msgspec.Struct):
    params: _Params


class _Field(msgspec.Struct):
    data_type: str


class _About(msgspec.Struct):
    config: _Config
    points_count: int | None = 0
    indexed_vectors_count: int | None = 0
    payload_schema: dict[str, _Field] = {}


class _One(msgspec.Struct):
    size: int
    distance: Distance


class _Point(msgspec.Struct):
    id: int | str
    score: float
    payload: dict[str, Any] | None = None
    vector: Any = None


class _Points(msgspec.Struct):
    points: list[_Point]


def names_of(body: bytes) -> tuple[str, ...]:
    """The names of all collections, sorted."""
    return tuple(sorted(one.name for one in _result(body, _Names).collections))


def collection_of(body: bytes, name: str) -> Collection:
    """What a collection is like.

    Raises:
        UpstreamError: Its points have several vectors, by names, or none.
    """
    about = _result(body, _About)
    try:
        vectors = msgspec.convert(about.config.params.vectors, _One)
    except msgspec.ValidationError:
        raise UpstreamError(
            f"The points of {name} have vectors by names; this server reads those with one each."
        ) from None
    return Collection(
        name=name,
        vector_size=vectors.size,
        distance=vectors.distance,
        num_points=about.points_count or 0,
        num_indexed=about.indexed_vectors_count or 0,
        payload_indexes={field: known.data_type for field, known in about.payload_schema.items()},
    )


def points_of(body: bytes) -> tuple[FoundPoint, ...]:
    """What a search has found, best first."""
    return tuple(
        FoundPoint(
            id=point.id,
            score=point.score,
            payload=point.payload,
            vector=tuple(point.vector) if isinstance(point.vector, list) else None,
        )
        for point in _result(body, _Points).points
    )


def was_there(body: bytes) -> bool:
    """Whether there was something to delete."""
    return _result(body, bool)


def error_of(status: int, body: bytes, collection: str) -> LLMError:
    """The error that an answer with a status of 400 or more stands for.

    The embedded database also says which field is wrong; of Qdrant its words are all there is.
    """
    message, param = _told(body)
    match status:
        case HTTPStatus.NOT_FOUND:
            return CollectionNotFoundError(
                f"There is no collection '{collection}' in this vector database.", param="name"
            )
        case HTTPStatus.CONFLICT:
            return CollectionExistsError(
                f"There is a collection '{collection}' already. Delete it first, or go on with it.",
                param="name",
            )
        case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN:
            return UpstreamError("The vector database refuses this server's key.")
        case _ if status < HTTPStatus.INTERNAL_SERVER_ERROR:
            return InvalidRequestError(
                f"The vector database refuses this: {message}",
                param=_FIELDS.get(param or "", param),
            )
        case _:
            return UpstreamError(f"The vector database failed with status {status}: {message}")


def _result(body: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=_Reply[kind]).result  # type: ignore[valid-type]
    except msgspec.MsgspecError as error:
        raise UpstreamError(f"The vector database answered something else: {error}") from error


def _told(body: bytes) -> tuple[str, str | None]:
    try:
        told = msgspec.json.decode(body)
        status, param = told.get("status"), told.get("param")
        message = status["error"] if isinstance(status, dict) else str(status)
    except (msgspec.MsgspecError, AttributeError, KeyError):
        return body[:_MAX_CHARS].decode(errors="replace"), None
    return message[:_MAX_CHARS], param if isinstance(param, str) else None
