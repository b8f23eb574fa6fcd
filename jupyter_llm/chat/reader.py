"""Text that is still coming in, for parsers written as if it were all there.

A parser is a generator: where it needs text that has not come yet, it yields, and goes on when
more has. What it does depends on the text alone, never on where the text was cut.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Sequence
from typing import TypeVar

T = TypeVar("T")

Steps = Generator[None, None, T]
"""A parser on its way to a `T`; each yield waits for more text."""

Emit = Callable[[str], None]

_SPACE = " \t\r\n"
_SCALAR_ENDS = frozenset(",}] \t\r\n")


class Reader:
    """A place in a text that grows at its end."""

    def __init__(self) -> None:
        self.is_complete = False
        self._text = ""
        self._at = 0
        self._mark: int | None = None

    def add(self, text: str) -> None:
        """Let the text grow; what is read and not held by a mark is forgotten."""
        start = self._at if self._mark is None else self._mark
        self._text = self._text[start:] + text
        self._at -= start
        self._mark = None if self._mark is None else 0

    def mark(self) -> None:
        """Remember this place, to come back to it."""
        self._mark = self._at

    def release(self) -> None:
        """Forget the place that was remembered."""
        self._mark = None

    def rewind(self) -> None:
        """Go back to the place that was remembered."""
        self._at, self._mark = self._at if self._mark is None else self._mark, None

    def rest(self) -> str:
        """Read what is left of the text that has come."""
        rest, self._at = self._text[self._at :], len(self._text)
        return rest

    def until(self, markers: Sequence[str], emit: Emit) -> Steps[str]:
        """Give `emit` the text before the first of `markers`, and read past that marker.

        Returns the marker; empty where the text ended without one.
        """
        while True:
            place, marker = _earliest(self._text, markers, self._at)
            certain = _certain(self._text, markers, self._at)
            if marker and (place < certain or self.is_complete):
                self._give(place, emit)
                self._at += len(marker)
                return marker
            self._give(len(self._text) if self.is_complete else certain, emit)
            if self.is_complete:
                return ""
            yield

    def skip(self, literal: str) -> Steps[bool]:
        """Read past `literal` if it comes next; returns whether it did."""
        while True:
            ahead = self._text[self._at : self._at + len(literal)]
            if ahead == literal:
                self._at += len(literal)
                return True
            if self.is_complete or not literal.startswith(ahead):
                return False
            yield

    def skip_any(self, literals: Sequence[str]) -> Steps[str]:
        """Read past the first of `literals` that comes next; returns it, or nothing."""
        for literal in literals:
            if (yield from self.skip(literal)):
                return literal
        return ""

    def skip_space(self) -> Steps[None]:
        """Read past white space."""
        while (yield from self.peek()) in _SPACE and self._at < len(self._text):
            self._at += 1

    def peek(self) -> Steps[str]:
        """The next character; empty at the end."""
        while self._at >= len(self._text) and not self.is_complete:
            yield
        return self._text[self._at : self._at + 1]

    def json_value(self, emit: Emit, *, depth: int = 0) -> Steps[bool]:
        """Give `emit` one JSON value as it comes; returns whether it came to its end.

        It is found by its brackets and quotes; whether it is right inside is not looked at.
        `depth` is the number of brackets that were opened before.
        """
        ends = _JsonEnd(depth)
        while True:
            end = ends.find(self._text, self._at)
            start, self._at = self._at, len(self._text) if end is None else end
            if self._at > start:
                emit(self._text[start : self._at])
            if end is not None:
                return True
            if self.is_complete:
                return ends.is_scalar
            yield

    def json_string(self) -> Steps[str | None]:
        """Read a JSON string and return what it says; `None` where there is none."""
        if (yield from self.peek()) != '"':
            return None
        parts: list[str] = []
        yield from self.json_value(parts.append)
        try:
            value: str = json.loads("".join(parts), strict=False)
        except ValueError:
            return None
        return value

    def _give(self, end: int, emit: Emit) -> None:
        if end > self._at:
            emit(self._text[self._at : end])
            self._at = end


class _JsonEnd:
    """Finds where a JSON value ends, in text that comes in parts."""

    def __init__(self, depth: int) -> None:
        self.is_scalar = False
        self._depth = depth
        self._is_string = False
        self._is_escaped = False
        self._has_begun = depth > 0

    def find(self, text: str, start: int) -> int | None:
        """The place behind the value's last character, if that has come."""
        for at in range(start, len(text)):
            if self.is_scalar and text[at] in _SCALAR_ENDS:
                return at
            if self._closes(text[at]):
                return at + 1
        return None

    def _closes(self, character: str) -> bool:
        if self._is_string:
            return self._closes_string(character)
        if character == '"':
            self._is_string = True
        elif character in "{[":
            self._depth += 1
        elif character in "}]":
            self._depth -= 1
            return self._depth <= 0
        elif not self._has_begun:
            self.is_scalar = True
        self._has_begun = True
        return False

    def _closes_string(self, character: str) -> bool:
        if self._is_escaped:
            self._is_escaped = False
        elif character == "\\":
            self._is_escaped = True
        elif character == '"':
            self._is_string = False
            return self._depth == 0
        return False


def _earliest(text: str, markers: Sequence[str], start: int) -> tuple[int, str]:
    """Place and text of the first marker; of several at one place the longest."""
    found = [
        (at, -len(marker), marker) for marker in markers if (at := text.find(marker, start)) >= 0
    ]
    place, _, marker = min(found, default=(len(text), 0, ""))
    return place, marker


def _certain(text: str, markers: Sequence[str], start: int) -> int:
    """The place before which no marker can begin that has not come whole."""
    longest = max(len(marker) for marker in markers) - 1
    for at in range(max(len(text) - longest, start), len(text)):
        if any(marker.startswith(text[at:]) and marker != text[at:] for marker in markers):
            return at
    return len(text)
