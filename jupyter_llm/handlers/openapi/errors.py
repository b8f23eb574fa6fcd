"""The answer where something went wrong."""

from __future__ import annotations

from typing import Any, NotRequired, TypedDict


class Error(TypedDict):
    """What went wrong and what to do next; `code` is a stable word for programs."""

    message: str
    type: str
    param: str | None
    code: str | None
    need_bytes: NotRequired[int]
    free_bytes: NotRequired[int]
    suggestions: NotRequired[list[dict[str, Any]]]


class ErrorBody(TypedDict):
    """Every error has this form, which is OpenAI's."""

    error: Error
