"""The messages of `GET /ws`, in both directions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from .decode import decode

if TYPE_CHECKING:
    from jupyter_llm.telemetry.events import Event


class SubscribeBody(msgspec.Struct, forbid_unknown_fields=True):
    """The one thing that a client says."""

    subscribe: list[str]


_SUBSCRIBE = msgspec.json.Decoder(SubscribeBody)


def subscribed_kinds(message: str | bytes) -> tuple[str, ...]:
    """The kinds of events that a client asks for.

    Raises:
        InvalidRequestError: The message is not understood; `param` names the field.
    """
    body = message.encode() if isinstance(message, str) else message
    return tuple(decode(body, _SUBSCRIBE).subscribe)


def event_message(event: Event) -> bytes:
    """An event as the client reads it; `missed` where it was too slow for some before."""
    body: dict[str, Any] = {"type": event.kind, "at": event.at, "data": event.payload}
    if event.num_missed:
        body["missed"] = event.num_missed
    return msgspec.json.encode(body)


def subscribed_message(kinds: frozenset[str]) -> bytes:
    """What follows a subscription."""
    return msgspec.json.encode({"type": "subscribed", "kinds": sorted(kinds)})


def error_message(body: bytes) -> bytes:
    """An error; `body` is the one that a request would have got."""
    return msgspec.json.encode({"type": "error", **msgspec.json.decode(body)})
