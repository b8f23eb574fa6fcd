"""Arguments that models write one by one, each behind its name."""

from __future__ import annotations

import json
from collections.abc import Sequence

from jupyter_llm.chat.declared import Declared, argument_value
from jupyter_llm.chat.reader import Reader, Steps
from jupyter_llm.chat.sink import Sink


class ArgumentWriter:
    """Tells a call whose arguments come one by one, as the JSON object that they make."""

    def __init__(self, sink: Sink, tools: Declared, name: str) -> None:
        self._sink = sink
        self._tools = tools
        self._name = name
        self._is_first = True
        self._is_cut = False
        sink.begin_call(name)

    def argument(self, key: str, reader: Reader, ends: Sequence[str]) -> Steps[None]:
        """Read the value of `key`, up to the first of `ends`. Strings are told as they come."""
        self._tell_key(key)
        is_text = self._tools.is_text(self._name, key)
        if is_text:
            yield from self._string(reader, ends)
            return
        parts: list[str] = []
        end = yield from reader.until(ends, parts.append)
        text = "".join(parts)
        self._sink.arguments(argument_value(text, is_text=is_text) if end else text)
        self._is_cut = not end

    def string(self, key: str, reader: Reader, end: str) -> Steps[None]:
        """Read the value of `key`, which is a string whatever its schema says."""
        self._tell_key(key)
        yield from self._string(reader, (end,))

    def value(self, key: str, json_text: str) -> None:
        """Tell an argument whose value is JSON text."""
        self._tell_key(key)
        self._sink.arguments(json_text)

    def end(self, *, is_whole: bool) -> None:
        """No further argument comes; one that was cut off leaves the object open."""
        if is_whole and not self._is_cut:
            self._sink.arguments("{}" if self._is_first else "}")
        self._sink.end_call()

    def _string(self, reader: Reader, ends: Sequence[str]) -> Steps[None]:
        self._sink.arguments('"')
        end = yield from reader.until(ends, lambda text: self._sink.arguments(_inside(text)))
        self._sink.arguments('"' if end else "")
        self._is_cut = not end

    def _tell_key(self, key: str) -> None:
        self._sink.arguments(("{" if self._is_first else ", ") + _quoted(key) + ": ")
        self._is_first = False


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _inside(text: str) -> str:
    """A part of a JSON string, without the quotes."""
    return _quoted(text)[1:-1]
