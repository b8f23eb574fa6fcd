"""Stored responses: as they are written down, read again and listed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import msgspec

from jupyter_llm.errors import InvalidRequestError
from jupyter_llm.registry.responses import StoredResponse

from .items import item_of, stored_form

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .items import Item
    from .request import Asked

DEFAULT_LIMIT, MAX_LIMIT = 20, 100


class _Output(msgspec.Struct):
    output: list[msgspec.Raw]


_INPUT = msgspec.json.Decoder(list[msgspec.Raw])
_RESPONSE = msgspec.json.Decoder(_Output)
_ITEMS = msgspec.json.Decoder(list[dict[str, Any]])


def stored_response(
    asked: Asked, response: bytes, *, response_id: str, owner: str, created_at: float
) -> StoredResponse:
    """A response as it is kept, with the items that it was asked with."""
    items = [stored_form(item) for item in asked.items]
    return StoredResponse(
        id=response_id,
        owner=owner,
        created_at=created_at,
        previous_id=asked.body.previous_response_id,
        input=msgspec.json.encode(items).decode(),
        response=response.decode(),
    )


def history_of(chain: Sequence[StoredResponse]) -> list[Item]:
    """What responses had in and out, in the order in which it was said."""
    raws = [
        raw
        for stored in chain
        for raw in (*_INPUT.decode(stored.input), *_RESPONSE.decode(stored.response).output)
    ]
    return [item_of(raw, "previous_response_id") for raw in raws]


def input_items_body(
    stored: StoredResponse, *, limit: int, order: Literal["asc", "desc"], after: str
) -> dict[str, Any]:
    """One page of the items that a response was asked with, the last one first unless `asc`.

    Raises:
        InvalidRequestError: It has no item `after`.
    """
    items = _ITEMS.decode(stored.input)
    if order == "desc":
        items.reverse()
    if after:
        ids = [item["id"] for item in items]
        if after not in ids:
            raise InvalidRequestError(
                f"This response has no input item {after!r}. Take the 'last_id' of a page.",
                param="after",
            )
        items = items[ids.index(after) + 1 :]
    page = items[:limit]
    return {
        "object": "list",
        "data": page,
        "first_id": page[0]["id"] if page else None,
        "last_id": page[-1]["id"] if page else None,
        "has_more": len(items) > limit,
    }


def page_limit(text: str) -> int:
    """How many items a page may hold.

    Raises:
        InvalidRequestError: It is no number from 1 to 100.
    """
    if not text:
        return DEFAULT_LIMIT
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= MAX_LIMIT:
        raise InvalidRequestError(f"'limit' is a number from 1 to {MAX_LIMIT}.", param="limit")
    return int(text)


def page_order(text: str) -> Literal["asc", "desc"]:
    """The order of a page.

    Raises:
        InvalidRequestError: It is neither of the two.
    """
    match text:
        case "" | "desc":
            return "desc"
        case "asc":
            return "asc"
    raise InvalidRequestError('\'order\' is "asc" or "desc".', param="order")


def deleted_body(response_id: str) -> dict[str, Any]:
    """The answer to a deletion."""
    return {"id": response_id, "object": "response", "deleted": True}
