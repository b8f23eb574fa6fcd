"""Statuses of errors: when a caller meets each, once for all routes."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from .endpoints.endpoint import JSON

WHEN = {
    HTTPStatus.BAD_REQUEST: (
        "A field is missing, unknown, out of range or cannot be honoured, and `param` names it; "
        "or prompt and answer do not fit the context."
    ),
    HTTPStatus.UNAUTHORIZED: "There are no valid credentials.",
    HTTPStatus.FORBIDDEN: (
        "The caller or their key may not do this, or a session came without its XSRF token; "
        "or the Hub asks for access to the model first."
    ),
    HTTPStatus.NOT_FOUND: "Nothing has this name; the message lists close ones.",
    HTTPStatus.CONFLICT: "There is one of this name already.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is larger than the operator allows.",
    HTTPStatus.UNPROCESSABLE_ENTITY: "The model's file is damaged, or no engine reads it.",
    HTTPStatus.UPGRADE_REQUIRED: "This is a WebSocket.",
    HTTPStatus.TOO_MANY_REQUESTS: "Too many requests of this caller wait, or a quota is used up.",
    HTTPStatus.INTERNAL_SERVER_ERROR: "A fault of this server; its log says more.",
    HTTPStatus.NOT_IMPLEMENTED: "What it takes is not installed; the message says how to have it.",
    HTTPStatus.BAD_GATEWAY: (
        "The engine, the vector database or the Hub failed; send the request again."
    ),
    HTTPStatus.SERVICE_UNAVAILABLE: (
        "Too many requests wait, the model did not load, or the registry or the vector database "
        "cannot be used."
    ),
    HTTPStatus.INSUFFICIENT_STORAGE: "The model does not fit into memory, or onto the disk.",
}

_WAIT = {
    "Retry-After": {
        "description": "seconds until a place is expected, where that is known",
        "schema": {"type": "integer", "minimum": 1},
    }
}
_WITH_WAIT = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}


def refusal(status: HTTPStatus) -> dict[str, str]:
    """A reference to the response that `refusals` has for this status."""
    return {"$ref": f"#/components/responses/{status.value}"}


def refusals(schema: dict[str, Any]) -> dict[str, Any]:
    """The responses of all errors, by status; `schema` is that of their body."""
    return {
        str(status.value): {
            "description": when,
            "content": {JSON: {"schema": schema}},
            **({"headers": _WAIT} if status in _WITH_WAIT else {}),
        }
        for status, when in WHEN.items()
    }
