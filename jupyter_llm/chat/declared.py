"""The tools of a request as parsers and grammars look at them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from jupyter_llm.types import Tool

Schema = Mapping[str, Any]


class Declared:
    """Tools by name, their schemas parsed; each tool's `parameters` is a JSON object."""

    def __init__(self, tools: Sequence[Tool]) -> None:
        self.tools = tuple(tools)
        self._schemas = {tool.name: _schema(tool.parameters) for tool in tools}

    def __contains__(self, name: object) -> bool:
        return name in self._schemas

    def loosened(self) -> Declared:
        """The same tools, those that are not strict with any object as their arguments."""
        return Declared(
            [t if t.is_strict else replace(t, parameters='{"type":"object"}') for t in self.tools]
        )

    def schema(self, name: str) -> Schema:
        """The schema of a tool's arguments; for an unknown one that of any object."""
        return self._schemas.get(name, {"type": "object"})

    def is_text(self, name: str, parameter: str) -> bool | None:
        """Whether an argument is a string; `None` where its schema leaves that open."""
        kinds = _types(self.property(name, parameter))
        if "string" not in kinds:
            return False if kinds else None
        return True if kinds == {"string"} else None

    def property(self, name: str, parameter: str) -> Schema:
        """The schema of one argument, able to stand alone."""
        schema = self.schema(name)
        properties = schema.get("properties")
        found = properties.get(parameter) if isinstance(properties, Mapping) else None
        if not isinstance(found, Mapping):
            return {}
        definitions = {key: schema[key] for key in ("$defs", "definitions") if key in schema}
        return {**definitions, **found}


def argument_value(text: str, *, is_text: bool | None) -> str:
    """The JSON text of an argument that the model wrote without quotes.

    Where the schema does not say, what reads as JSON is taken for it. Templates of Python
    write `True` and `None`.
    """
    if is_text:
        return json.dumps(text, ensure_ascii=False)
    stripped = text.strip()
    stripped = {"True": "true", "False": "false", "None": "null"}.get(stripped, stripped)
    try:
        json.loads(stripped, parse_constant=_refuse_constant)
    except ValueError:
        return json.dumps(text, ensure_ascii=False)
    return stripped


def _refuse_constant(constant: str) -> None:
    raise ValueError(constant)


def _schema(text: str) -> Schema:
    value = json.loads(text)
    return value if isinstance(value, dict) else {"type": "object"}


def _types(schema: Schema) -> set[str]:
    """The JSON types that a schema names, if it names any."""
    given = schema.get("type")
    if isinstance(given, str):
        return {given}
    if isinstance(given, list):
        return {kind for kind in given if isinstance(kind, str)}
    values = schema.get("enum") or ([schema["const"]] if "const" in schema else [])
    return {"string" if isinstance(value, str) else "other" for value in values}
