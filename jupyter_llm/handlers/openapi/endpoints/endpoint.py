"""What has to be said of a verb of a route: what it takes, what it answers, how it fails."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

JSON = "application/json"
EVENT_STREAM = "text/event-stream"

Statuses = frozenset[HTTPStatus]

EVERYWHERE: Statuses = frozenset(
    {
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.INTERNAL_SERVER_ERROR,
    }
)
NAMED: Statuses = frozenset({HTTPStatus.NOT_FOUND})
"""Of routes that are given the name of something."""

REGISTRY: Statuses = frozenset({HTTPStatus.SERVICE_UNAVAILABLE})
"""Of routes that cannot do without the registry."""

LOADS: Statuses = NAMED | {
    HTTPStatus.UNPROCESSABLE_ENTITY,
    HTTPStatus.NOT_IMPLEMENTED,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.INSUFFICIENT_STORAGE,
}
"""Of routes that bring a model into memory."""

GENERATES: Statuses = LOADS | {HTTPStatus.TOO_MANY_REQUESTS}
"""Of routes that also have it compute, in turn with others."""

HUB: Statuses = frozenset(
    {HTTPStatus.NOT_FOUND, HTTPStatus.BAD_GATEWAY, HTTPStatus.INSUFFICIENT_STORAGE}
)
"""Of routes that ask the model hub."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Parameter:
    """A parameter of the query; `schema` is JSON Schema."""

    name: str
    description: str
    schema: Mapping[str, Any] = field(default_factory=lambda: {"type": "string"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Endpoint:
    """One verb of one route; what its handler says by itself is not repeated here.

    `body` is the msgspec struct that the request is decoded into, `example` a body that
    shows what it is good for. `answer` is a type that msgspec can describe, the place of a
    pydantic model as `module:name`, imported only when somebody asks, or a tuple of such
    alternatives; `None` stands for text. `events` says the same of each event of a stream.
    `errors` come beside those that every route has, and `others` are statuses whose answer
    is no error in the usual form.
    """

    answer: Any = None
    status: HTTPStatus = HTTPStatus.OK
    content_type: str = JSON
    events: Any = None
    body: Any = None
    is_body_optional: bool = False
    example: Mapping[str, Any] | None = None
    query: tuple[Parameter, ...] = ()
    errors: Statuses = frozenset()
    others: Mapping[HTTPStatus, Any] = field(default_factory=dict)
