"""Errors in the form that OpenAI's clients read."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import msgspec

from jupyter_llm.errors import InsufficientMemoryError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jupyter_llm.errors import LLMError


def error_body(
    status: int,
    message: str,
    *,
    param: str | None,
    code: str | None,
    details: Mapping[str, Any] | None = None,
) -> bytes:
    """`{"error": {message, type, param, code}}` as JSON; `details` are further fields."""
    kind = "server_error" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else _KINDS.get(status)
    error = {
        "message": message,
        "type": kind or "invalid_request_error",
        "param": param,
        "code": code,
        **(details or {}),
    }
    return json.dumps({"error": error}).encode()


def known_error_body(status: int, error: LLMError) -> bytes:
    """The body of one of our own errors, with what programs may want to know of it."""
    details = _shortage(error) if isinstance(error, InsufficientMemoryError) else None
    return error_body(status, error.message, param=error.param, code=error.code, details=details)


def _shortage(error: InsufficientMemoryError) -> dict[str, Any] | None:
    if not error.need_bytes:
        return None
    return {
        "need_bytes": error.need_bytes,
        "free_bytes": error.free_bytes,
        "suggestions": [msgspec.to_builtins(one) for one in error.suggestions],
    }


_KINDS: dict[int, str] = {
    HTTPStatus.UNAUTHORIZED: "authentication_error",
    HTTPStatus.FORBIDDEN: "permission_error",
    HTTPStatus.TOO_MANY_REQUESTS: "rate_limit_error",
}
