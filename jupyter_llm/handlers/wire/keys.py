"""API keys as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import Meta

from jupyter_llm.registry.keys import SCOPES, Grant

from .decode import decode
from .fields import NumberOf

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jupyter_llm.registry.keys import ApiKey

_MAX_MODELS = 1000
_MAX_LENGTH = 200

Name = Annotated[str, Meta(pattern=r"^\S(.*\S)?\Z", max_length=_MAX_LENGTH)]
Days = Annotated[float, Meta(gt=0)]


class KeyBody(msgspec.Struct, forbid_unknown_fields=True):
    """A key to make; what is left out sets no limit."""

    name: Name
    scopes: Annotated[list[str], Meta(max_length=len(SCOPES))] | None = None
    models: Annotated[list[Name], Meta(max_length=_MAX_MODELS)] | None = None
    requests_per_minute: NumberOf = 0
    tokens_per_day: NumberOf = 0
    expires_days: Days | None = None

    @property
    def grant(self) -> Grant:
        """What the key is to be for."""
        return Grant(
            scopes=SCOPES if self.scopes is None else tuple(self.scopes),
            models=None if self.models is None else tuple(self.models),
            requests_per_minute=self.requests_per_minute,
            tokens_per_day=self.tokens_per_day,
        )


_KEY = msgspec.json.Decoder(KeyBody)


def key_call(body: bytes) -> KeyBody:
    """The key that a body asks for.

    Raises:
        InvalidRequestError: `param` names the field that is wrong.
    """
    return decode(body, _KEY)


def key_body(key: ApiKey, tokens_today: int) -> dict[str, Any]:
    """A key without its secret, which nobody knows; and what it has used today."""
    return {
        "name": key.name,
        "created": key.created.isoformat(),
        "expires": key.expires.isoformat() if key.expires else None,
        "scopes": list(key.scopes),
        "models": None if key.models is None else list(key.models),
        "requests_per_minute": key.requests_per_minute,
        "tokens_per_day": key.tokens_per_day,
        "tokens_today": tokens_today,
    }


def created_body(key: ApiKey, secret: str) -> Mapping[str, Any]:
    """A new key; this is the one time that its secret is shown."""
    return {**key_body(key, 0), "key": secret}
