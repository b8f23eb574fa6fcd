"""The events of a response: numbered, and each named by its type. Imports `openai`."""

from __future__ import annotations

import json
from itertools import count
from typing import TYPE_CHECKING, Any

from jupyter_llm.handlers.wire.reply import PLACEHOLDER
from jupyter_llm.handlers.wire.sse import named_event

if TYPE_CHECKING:
    from pydantic import BaseModel

_NUMBER = b'"sequence_number":'


def dump(part: BaseModel) -> bytes:
    """JSON on one line, escaped to ASCII, with the names of the API."""
    fields = part.model_dump(mode="json", by_alias=True, exclude_unset=True, warnings=False)
    return json.dumps(fields, separators=(",", ":")).encode()


class Events:
    """Numbers the events of one stream."""

    def __init__(self) -> None:
        self._numbers = count()

    def make(self, kind: type[BaseModel], name: str, **fields: Any) -> bytes:
        """One event of OpenAI's type `kind`."""
        number = next(self._numbers)
        # constructed: what goes in is of OpenAI's types already
        body = kind.model_construct(**fields, sequence_number=number, type=name)
        return named_event(name, dump(body))

    def deltas(self, kind: type[BaseModel], name: str, **fields: Any) -> Deltas:
        """Events that differ in their text and number only."""
        body = kind.model_construct(**fields, delta=PLACEHOLDER, sequence_number=0, type=name)
        return Deltas(self._numbers, named_event(name, dump(body)))


class Deltas:
    """A delta event, dumped once: each then costs a string's encoding instead of a validation."""

    def __init__(self, numbers: count[int], sample: bytes) -> None:
        self._numbers = numbers
        self._head, rest = sample.split(json.dumps(PLACEHOLDER).encode())
        self._middle, self._tail = rest.split(_NUMBER + b"0")

    def make(self, text: str) -> bytes:
        """The event that adds `text`."""
        number = _NUMBER + str(next(self._numbers)).encode()
        return self._head + json.dumps(text).encode() + self._middle + number + self._tail
