"""Requests that are passed on to a service as they are, and its answers.

Only what concerns this server is looked at: the model, how the answer is to come, whose turn it
is, and the most tokens that the operator allows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from jupyter_llm.errors import InvalidRequestError
from jupyter_llm.types import GenerationRequest, Relayed

from .call import Call, is_resumable, stream_name
from .decode import decode
from .fields import Count, Priority, StreamId
from .keep_alive import KeepAlive, keep_alive_s
from .reply import Reply

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jupyter_llm.types import TokenChunk

    from .sampling import SamplingDefaults

_OURS = ("model", "keep_alive", "priority", "resumable", "stream_id")
"""What is for this server alone."""

_LIMIT = "max_tokens"
_LIMITS = (_LIMIT, "max_completion_tokens")


class _Named(msgspec.Struct):
    model: str | None = None


class RelayedBody(msgspec.Struct, kw_only=True):
    """The fields that are looked at; all others are the service's affair."""

    model: str | None = None
    stream: bool | None = None
    stream_options: dict[str, msgspec.Raw] | None = None
    max_tokens: Count | None = None
    max_completion_tokens: Count | None = None
    keep_alive: KeepAlive | None = None
    priority: Priority | None = None
    resumable: bool | None = None
    stream_id: StreamId | None = None


_NAMED = msgspec.json.Decoder(_Named)
_DECODER = msgspec.json.Decoder(RelayedBody)
_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])


def model_named(body: bytes) -> str | None:
    """The name of the model in a body, empty if there is none; `None` for what is no request."""
    try:
        return _NAMED.decode(body).model or ""
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def relay_call(body: bytes, route: str, request_id: str, defaults: SamplingDefaults) -> Call:
    """The body as a request that is passed on to `route`.

    Raises:
        InvalidRequestError: `param` names the field that is wrong.
    """
    asked = decode(body, _DECODER)
    fields = {name: raw for name, raw in decode(body, _FIELDS).items() if name not in _OURS}
    wants_usage = _wants_usage(asked)
    if asked.stream:
        # the usage is asked for on our own account, too: somebody has to count
        options = {**(asked.stream_options or {}), "include_usage": msgspec.Raw(b"true")}
        fields["stream_options"] = msgspec.Raw(msgspec.json.encode(options))
    if limit := _limit(asked, defaults):
        fields[_LIMIT] = msgspec.Raw(b"%d" % limit)
    relayed = Relayed(
        route=route,
        body=msgspec.json.encode(fields),
        is_stream=bool(asked.stream),
        wants_usage=wants_usage,
    )
    return Call(
        request=GenerationRequest(
            id=request_id,
            model_id=asked.model or "",
            relayed=relayed,
            keep_alive_s=keep_alive_s(asked.keep_alive),
            priority=asked.priority or 0,
            stream_id=asked.stream_id or "",
        ),
        stream=relayed.is_stream,
        include_usage=wants_usage,
        resumable=is_resumable(stream=asked.stream, resumable=asked.resumable),
        stream_id=stream_name(asked.stream_id, request_id, resumable=asked.resumable),
    )


class RelayReply(Reply):
    """An answer that is one already."""

    ending = b""
    is_ready = True

    def events(self, chunk: TokenChunk) -> bytes:
        """What the service sent."""
        return chunk.relayed

    def whole(self, chunks: Sequence[TokenChunk]) -> bytes:
        """What the service sent."""
        return b"".join(chunk.relayed for chunk in chunks)


def relay_reply(**frame: Any) -> Reply:
    """The reply to a request that was passed on; a service makes its own frame."""
    del frame
    return RelayReply()


def _wants_usage(asked: RelayedBody) -> bool:
    wish = (asked.stream_options or {}).get("include_usage")
    return wish is not None and bytes(wish) == b"true"


def _limit(asked: RelayedBody, defaults: SamplingDefaults) -> int | None:
    """The most tokens where the request says nothing and the operator does.

    Raises:
        InvalidRequestError: The request says more than the operator allows.
    """
    most = defaults.max_tokens_limit
    given = {name: getattr(asked, name) for name in _LIMITS if getattr(asked, name) is not None}
    for name, value in given.items():
        if most and value > most:
            raise InvalidRequestError(
                f"'{name}' is {value}, and this server allows at most {most}.", param=name
            )
    bounds = [bound for bound in (defaults.max_tokens, most) if bound]
    return None if given else min(bounds, default=None)
