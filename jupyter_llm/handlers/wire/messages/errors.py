"""Errors in the form that Anthropic's clients read."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

_TYPES: dict[int, str] = {
    HTTPStatus.UNAUTHORIZED: "authentication_error",
    HTTPStatus.FORBIDDEN: "permission_error",
    HTTPStatus.NOT_FOUND: "not_found_error",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "request_too_large",
    HTTPStatus.TOO_MANY_REQUESTS: "rate_limit_error",
    HTTPStatus.SERVICE_UNAVAILABLE: "overloaded_error",
    HTTPStatus.GATEWAY_TIMEOUT: "timeout_error",
}


def anthropic_error(status: int | None, body: bytes) -> dict[str, Any]:
    """OpenAI's error body as Anthropic's; `param` and `code` stay in it.

    Without a status, as in the middle of a stream, it is a fault of the server.
    """
    error: dict[str, Any] = json.loads(body)["error"]
    kind = _TYPES.get(status or HTTPStatus.INTERNAL_SERVER_ERROR)
    if kind is None:
        is_ours = status is None or status >= HTTPStatus.INTERNAL_SERVER_ERROR
        kind = "api_error" if is_ours else "invalid_request_error"
    return {"type": "error", "error": {**error, "type": kind}}
