"""API keys."""

from __future__ import annotations

from http import HTTPStatus
from typing import Literal, TypedDict

from jupyter_llm.handlers.wire.keys import KeyBody

from .endpoint import NAMED, Endpoint


class Key(TypedDict):
    """An API key; times are those of ISO 8601, in UTC."""

    name: str
    created: str
    expires: str | None
    scopes: list[str]
    models: list[str] | None
    requests_per_minute: int
    tokens_per_day: int
    tokens_today: int


class Keys(TypedDict):
    """Every API key of this server."""

    keys: list[Key]


class CreatedKey(Key):
    """A new key; this is the one time that it is shown."""

    key: str


class RevokedKey(TypedDict):
    """A key that is worth nothing any more."""

    status: Literal["revoked"]
    name: str


ENDPOINTS: dict[str, Endpoint] = {
    "GET /api/admin/keys": Endpoint(answer=Keys),
    "POST /api/admin/keys": Endpoint(
        body=KeyBody,
        example={"name": "app", "scopes": ["read", "execute"], "tokens_per_day": 100_000},
        answer=CreatedKey,
        status=HTTPStatus.CREATED,
    ),
    "DELETE /api/admin/keys/{id}": Endpoint(answer=RevokedKey, errors=NAMED),
}
