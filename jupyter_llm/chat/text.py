"""Text out of tokens: characters from bytes, and where a stop string ends the answer."""

from __future__ import annotations

import codecs
from collections.abc import Sequence


class TextDecoder:
    """Turn the bytes of one token after another into whole characters.

    A token may end in the middle of a UTF-8 character; its bytes wait for the
    rest. Bytes that can never become a character turn into U+FFFD.
    """

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    @property
    def is_waiting(self) -> bool:
        """Whether the last character is not complete yet."""
        return bool(self._decoder.getstate()[0])

    def feed(self, data: bytes) -> str:
        """Return the characters that `data` completes."""
        return self._decoder.decode(data)

    def flush(self) -> str:
        """Return what still waits, once no more bytes come."""
        return self._decoder.decode(b"", final=True)


class StopMatcher:
    """Hold text back until it is certain that no stop string begins in it.

    A stop string may be spread over many tokens. What is handed out can never
    be part of one, so a stream never has to take text back. `matched` is the stop string
    that ended the text, once one has.
    """

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = tuple(stop for stop in stops if stop)
        self._held = ""
        self.matched: str | None = None

    def feed(self, text: str) -> tuple[str, bool]:
        """Add `text`; return what may be handed out, and whether a stop string ended it."""
        if not self._stops:
            return text, False
        self._held += text
        found = first_stop(self._held, self._stops)
        if found:
            end, self.matched = found
            before, self._held = self._held[:end], ""
            return before, True
        keep = max(_overlap(self._held, stop) for stop in self._stops)
        cut = len(self._held) - keep
        before, self._held = self._held[:cut], self._held[cut:]
        return before, False

    def flush(self) -> str:
        """Return the text held back, once no more comes."""
        held, self._held = self._held, ""
        return held


def first_stop(text: str, stops: Sequence[str]) -> tuple[int, str] | None:
    """Where the first of these strings begins in the text, and which one it is."""
    found = [(at, stop) for stop in stops if stop and (at := text.find(stop)) >= 0]
    return min(found, default=None)


def _overlap(text: str, stop: str) -> int:
    """Length of the longest end of `text` that begins `stop`."""
    longest = min(len(text), len(stop) - 1)
    return next((n for n in range(longest, 0, -1) if text.endswith(stop[:n])), 0)
