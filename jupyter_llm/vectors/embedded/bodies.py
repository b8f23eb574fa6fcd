"""The bodies of Qdrant's REST API, as far as its clients use it; what else they say is ignored."""

from __future__ import annotations

import re
from typing import Annotated, Any, TypeVar
from uuid import UUID

import msgspec
from msgspec import Meta

from jupyter_llm.vectors.embedded.refusals import bad

T = TypeVar("T")

PointId = int | UUID | str  # as the engine's types have it; it is never a text
WithPayload = bool | list[str] | dict[str, list[str]] | None
WithVector = bool | list[str] | None
_Limit = Annotated[int, Meta(ge=1, le=10_000)]
_Size = Annotated[int, Meta(ge=1, le=65_536)]
_Offset = Annotated[int, Meta(ge=0)]
_Distance = Annotated[str, Meta(pattern="^(Cosine|Dot|Euclid|Manhattan)$")]

_PLACE = re.compile(r"(?P<what>.*?)(?: - at `\$\.?(?P<path>.*)`)?", re.DOTALL)
_FIELD = re.compile(r"Object missing required field `(?P<name>.*)`", re.DOTALL)


class VectorParams(msgspec.Struct):
    """What the vectors of a collection are like."""

    size: _Size
    distance: _Distance


class CreateBody(msgspec.Struct):
    """A new collection, with one vector for each point."""

    vectors: VectorParams


class PointBody(msgspec.Struct):
    """A point; its id is a number or a UUID."""

    id: int | str
    vector: list[float]
    payload: dict[str, Any] | None = None


class Batch(msgspec.Struct):
    """Points by columns, as some clients send them."""

    ids: list[int | str]
    vectors: list[list[float]]
    payloads: list[dict[str, Any] | None] | None = None


class UpsertBody(msgspec.Struct):
    """Points to put in, in one of two forms."""

    points: list[PointBody] | None = None
    batch: Batch | None = None


class NearestBody(msgspec.Struct):
    """A query in its long form."""

    nearest: list[float]


class QueryBody(msgspec.Struct):
    """A search for the nearest points."""

    query: list[float] | NearestBody
    limit: _Limit = 10
    offset: _Offset | None = None
    filter: dict[str, Any] | None = None
    score_threshold: float | None = None
    with_payload: WithPayload = None
    with_vector: WithVector = None


class RetrieveBody(msgspec.Struct):
    """Points by their ids."""

    ids: list[int | str]
    with_payload: WithPayload = None
    with_vector: WithVector = None


class ScrollBody(msgspec.Struct):
    """Points in the order of their ids."""

    offset: int | str | None = None
    limit: _Limit | None = None
    filter: dict[str, Any] | None = None
    with_payload: WithPayload = None
    with_vector: WithVector = None


class CountBody(msgspec.Struct):
    """How many points there are."""

    filter: dict[str, Any] | None = None
    exact: bool = True


class DeleteBody(msgspec.Struct):
    """Points to delete, by their ids or by a filter."""

    points: list[int | str] | None = None
    filter: dict[str, Any] | None = None


class IndexParams(msgspec.Struct):
    """The kind of a payload's index in its long form."""

    type: str


class IndexBody(msgspec.Struct):
    """A field of payloads to make an index of."""

    field_name: str
    field_schema: str | IndexParams


def read(body: bytes, kind: type[T]) -> T:
    """The body as `kind`.

    Raises:
        Refusal: It is none; the field is named.
    """
    try:
        return msgspec.json.decode(body or b"{}", type=kind)
    except msgspec.ValidationError as error:
        place = _PLACE.fullmatch(str(error))
        what, path = (place["what"], place["path"] or "") if place else (str(error), "")
        if field := _FIELD.fullmatch(what):
            path = f"{path}.{field['name']}" if path else field["name"]
        raise bad(f"Format error in JSON body: {error}", path or None) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise bad(f"Format error in JSON body: {error}", None) from error


def point_id(value: int | str, param: str) -> PointId:
    """An id as the engine tells it.

    Raises:
        Refusal: It is neither a number of 64 bits nor a UUID.
    """
    if isinstance(value, int):
        if 0 <= value < 1 << 64:
            return value
        raise bad(f"{value} is no id of a point: it is below 0 or has more than 64 bits.", param)
    try:
        return UUID(value)
    except ValueError:
        raise bad(f"{value[:80]!r} is no id of a point: give a number or a UUID.", param) from None
