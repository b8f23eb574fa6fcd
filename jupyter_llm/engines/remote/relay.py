"""An answer passed on as it comes: nothing is rewritten but the name of the model.

The bytes are searched and not parsed. That is safe since a quotation mark inside a string of JSON
comes with a backslash: `"model":` as it stands can only be a key.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from jupyter_llm.engines.remote.events import DONE, EventSplitter
from jupyter_llm.engines.remote.usage import UsageBody, finish_reason_of
from jupyter_llm.types import FinishReason, Usage

if TYPE_CHECKING:
    from jupyter_llm.types import Relayed

_STRING = rb'"(?:[^"\\]|\\.)*"'
_MODEL = re.compile(rb'("model"\s*:\s*)' + _STRING)
_FINISH = re.compile(rb'"finish_reason"\s*:\s*"(\w+)"')
_HAS_USAGE = re.compile(rb'"usage"\s*:\s*\{')
_NO_CHOICES = re.compile(rb'"choices"\s*:\s*\[\s*\]')
_HAS_ERROR = re.compile(rb'"error"\s*:\s*[{"]')


class _Ends(msgspec.Struct):
    usage: UsageBody | None = None
    error: msgspec.Raw = msgspec.Raw(b"")


_DECODER = msgspec.json.Decoder(_Ends)


class FailedEvent(Exception):  # noqa: N818 - it is what was found, and the engine makes the error
    """An event that tells of an error, as it came."""

    def __init__(self, data: bytes) -> None:
        super().__init__("The service reports an error.")
        self.data = data


class Rewriter:
    """Puts the model's name here in the place of its name there, and notes how answers end."""

    def __init__(self, model_id: str) -> None:
        name = msgspec.json.encode(model_id)
        self.usage: Usage | None = None
        self.finish_reason: FinishReason | None = None
        self._put_name = lambda found: found[1] + name

    def rewrite(self, text: bytes) -> bytes:
        """JSON, or events of it, with our name of the model."""
        if ends := _FINISH.findall(text):
            self.finish_reason = finish_reason_of(ends[-1].decode())
        return _MODEL.sub(self._put_name, text)

    def note_usage(self, document: bytes) -> None:
        """Take the usage out of one JSON document."""
        try:
            ends = _DECODER.decode(document)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return
        if ends.usage is not None:
            self.usage = ends.usage.to_usage()


class StreamRelay(Rewriter):
    """Server-sent events on their way through.

    With `wants_usage` of False the event with nothing but the usage, which was asked for on
    our own account, is left out. `failed` is the data of an event that tells of an error, after
    which nothing is passed on; `ending` is what a stream lacks that does not say its end.
    """

    ending = DONE

    def __init__(self, model_id: str, *, wants_usage: bool) -> None:
        super().__init__(model_id)
        self.is_done = False
        self.failed = b""
        self._wants_usage = wants_usage
        self._splitter = EventSplitter()

    def feed(self, data: bytes) -> bytes:
        """The events that are whole now.

        Raises:
            UpstreamError: One of them has no end.
        """
        events = self._splitter.feed(data)
        if not events or self.failed:
            return b""
        if _HAS_USAGE.search(events) or _HAS_ERROR.search(events):
            events = b"".join(self._looked_at(event + b"\n\n") for event in _single(events))
        self.is_done = self.is_done or DONE in events
        return self.rewrite(events)

    def _looked_at(self, event: bytes) -> bytes:
        document = event.partition(b"data:")[2].strip()
        if _HAS_ERROR.search(event) and _is_error(document):
            self.failed = document
        if self.failed:
            return b""
        if not _HAS_USAGE.search(event):
            return event
        self.note_usage(document)
        is_extra = not self._wants_usage and _NO_CHOICES.search(event)
        return b"" if is_extra else event


def _single(events: bytes) -> list[bytes]:
    return [event for event in events.split(b"\n\n") if event]


def _is_error(document: bytes) -> bool:
    try:
        return bytes(_DECODER.decode(document).error) not in (b"", b"null")
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False


def body_for(relayed: Relayed, name: str) -> bytes:
    """The body that the service gets: the caller's, with its own name of the model."""
    rest = relayed.body.lstrip()[1:]
    separator = b"" if rest.lstrip().startswith(b"}") else b","
    return b'{"model":' + msgspec.json.encode(name) + separator + rest
