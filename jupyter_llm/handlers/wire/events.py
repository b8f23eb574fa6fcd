"""The messages of `GET /ws`, in both directions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import Meta

from .decode import decode
from .fields import NonEmpty

if TYPE_CHECKING:
    from jupyter_llm.telemetry.events import Event


MAX_FOLLOWED = 16
"""Services whose logs one client may follow at the same time."""


class SubscribeBody(msgspec.Struct, forbid_unknown_fields=True):
    """What a client says: the kinds of events, and the services whose logs it follows."""

    subscribe: list[str]
    follow: Annotated[list[NonEmpty], Meta(max_length=MAX_FOLLOWED)] = []


_SUBSCRIBE = msgspec.json.Decoder(SubscribeBody)


def wishes(message: str | bytes) -> SubscribeBody:
    """What a client asks for.

    Raises:
        InvalidRequestError: The message is not understood; `param` names the field.
    """
    body = message.encode() if isinstance(message, str) else message
    return decode(body, _SUBSCRIBE)


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
