"""Writes grammars in llguidance's dialect of Lark.

https://github.com/guidance-ai/llguidance/blob/main/docs/syntax.md
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from jupyter_llm.chat.declared import Declared
from jupyter_llm.chat.grammar.formats import tightened
from jupyter_llm.chat.grammar.options import JSON_OPTIONS

FindToken = Callable[[str], int | None]
"""The id of the control token that is spelled like this, if the vocabulary has one."""

_MARKER = re.compile(r"(<[^<>]+>|\[[^\[\]]+\])")


def markers_in(text: str) -> tuple[str, ...]:
    """The markers in angle or square brackets that a text has."""
    return tuple(_MARKER.findall(text))


class Lark:
    """A grammar under construction: expressions, and the rules that they name."""

    def __init__(self, find_token: FindToken) -> None:
        self._find_token = find_token
        self._rules: list[str] = []

    def grammar(self, start: str) -> str:
        """The whole grammar; `start` is the expression that an answer is."""
        return "\n".join([f"start: {start}", *self._rules])

    def text(self, text: str) -> str:
        """Just this text."""
        return json.dumps(text, ensure_ascii=False)

    def marker(self, text: str) -> str:
        """A marker of the format: a control token where it is one, else its letters."""
        token = self._find_token(text)
        return self.text(text) if token is None else f"<[{token}]>"

    def markers(self, *parts: str) -> str:
        """Markers and texts, one behind the other."""
        return " ".join(self.marker(part) for part in parts)

    def spelled(self, text: str) -> str:
        """A text with markers in angle or square brackets in it."""
        return self.markers(*(part for part in _MARKER.split(text) if part))

    def rule(self, expression: str, *, options: str = "") -> str:
        """Give an expression a name; returns the name."""
        name = f"r{len(self._rules)}"
        self._rules.append(f"{name}{options}: {expression}")
        return name

    def anything_until(self, marker: str) -> str:
        """Any text, and the marker that ends it."""
        token = self._find_token(marker)
        if token is None:
            return self.rule("/(?s:.*)/", options=f"[suffix={self.text(marker)}]")
        return f"{self.rule('/(?s:.*)/')} <[{token}]>"

    def anything_without(self, marker: str) -> str:
        """Any text that does not hold the marker."""
        if self._find_token(marker) is not None:
            return self.rule("/(?s:.*)/")
        letters = re.sub(r"([^\w\s<>`])", r"\\\1", marker).replace("\n", r"\n")
        return self.terminal(f"/(?s:.*)/ & ~/(?s:.*{letters}.*)/")

    def terminal(self, expression: str) -> str:
        """Give an expression of regular expressions alone a name; returns the name."""
        name = f"T{len(self._rules)}"
        self._rules.append(f"{name}: {expression}")
        return name

    def json(self, schema: Mapping[str, Any]) -> str:
        """JSON that follows a schema."""
        held = {**tightened(schema), "x-guidance": JSON_OPTIONS}
        return self.rule(f"%json {json.dumps(held, ensure_ascii=False)}")

    def calls(self, tools: Declared, names: Sequence[str], key: str = "arguments") -> str:
        """A call of one of `names` as an object with the members `name` and `key`."""
        calls = []
        for name in names:
            head = f'{{"name": {json.dumps(name, ensure_ascii=False)}, "{key}": '
            calls.append(f"{self.text(head)} {self.json(tools.schema(name))} {self.text('}')}")
        return self.rule(" | ".join(calls))

    def parameters(self, tools: Declared, name: str) -> list[tuple[str, bool]]:
        """The parameters of a tool in their order, and whether each is required."""
        schema = tools.schema(name)
        properties, required = schema.get("properties"), schema.get("required")
        needed = required if isinstance(required, list) else []
        return [(key, key in needed) for key in properties] if isinstance(properties, dict) else []

    def tagged_value(self, tools: Declared, name: str, key: str, end: str) -> str:
        """An argument as it is written between tags: a string as it is, anything else as JSON."""
        schema = tools.property(name, key)
        values = schema.get("enum") or ([schema["const"]] if "const" in schema else [])
        if values:
            choice = " | ".join(self.text(_plain(value)) for value in values)
            return f"({choice}) {self.text(end)}"
        if tools.is_text(name, key):
            return self.anything_until(end)
        return f"{self.json(schema)} {self.text(end)}"


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
