"""What a service reports, as an error of ours: without its secrets and without blame for the user.

A service that refuses our key is no affair of the user's key; what is wrong with the request is.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

import msgspec

from jupyter_llm.errors import (
    ContextLengthError,
    InvalidRequestError,
    LLMError,
    OverloadedError,
    UpstreamError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

_MAX_MESSAGE = 500
_RETRY_S = 10.0
_REFUSED = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.PROXY_AUTHENTICATION_REQUIRED}
_BUSY = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}
_USERS = {
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
}
_TOO_LONG = "context_length_exceeded"


class _Explanation(msgspec.Struct):
    message: str = ""
    param: str | None = None
    code: str | int | None = None


class _Body(msgspec.Struct):
    error: _Explanation | str | None = None
    message: str = ""
    detail: msgspec.Raw = msgspec.Raw(b"")


_DECODER = msgspec.json.Decoder(_Body)


def error_of(
    remote_id: str, status: int, body: bytes, headers: Mapping[str, str], secrets: tuple[str, ...]
) -> LLMError:
    """The error that an answer of the service `remote_id` stands for.

    `secrets` are what must not be repeated from its message.
    """
    who = f"The service {remote_id!r}"
    if status in _REFUSED:
        # its message may quote the key
        return UpstreamError(
            f"{who} refused the key that this server has for it ({status}). The operator can set "
            "another one in LLMExtension.remotes."
        )
    said = explanation(body)
    message = _shown(said.message, secrets)
    if status in _USERS:
        kind = ContextLengthError if said.code == _TOO_LONG else InvalidRequestError
        return kind(f"{who} refused the request: {message}", param=said.param)
    if status in _BUSY:
        retry_s = _seconds(headers.get("retry-after"))
        return OverloadedError(f"{who} is busy: {message}", retry_after_s=retry_s)
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return UpstreamError(f"{who} sends its callers elsewhere ({status}); correct its url.")
    return UpstreamError(f"{who} answered {status}: {message}")


def error_of_event(remote_id: str, event: bytes, secrets: tuple[str, ...]) -> LLMError:
    """The error that a service tells of in the middle of a stream."""
    message = _shown(explanation(event).message, secrets)
    return UpstreamError(f"The service {remote_id!r} broke off its answer: {message}")


def explanation(body: bytes) -> _Explanation:
    """What a body says of the error, in whichever of the usual forms."""
    try:
        said = _DECODER.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _Explanation()
    if isinstance(said.error, _Explanation):
        return said.error
    text = said.error or said.message or bytes(said.detail).decode("utf-8", "replace")
    return _Explanation(message=text)


def _shown(message: str, secrets: tuple[str, ...]) -> str:
    for secret in filter(None, secrets):
        message = message.replace(secret, "…")
    return message.strip()[:_MAX_MESSAGE] or "it did not say why."


def _seconds(header: str | None) -> float:
    try:
        return max(float(header), 1.0) if header else _RETRY_S
    except ValueError:
        return _RETRY_S
