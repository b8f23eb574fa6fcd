"""Where the keywords of a JSON Schema stand.

The vocabulary is that of https://json-schema.org/draft/2020-12/json-schema-core with the
words of older drafts that schemas still use.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_MAPS = frozenset(
    (
        *("properties", "patternProperties", "$defs", "definitions"),
        *("dependentSchemas", "dependencies"),
    )
)
_LISTS = frozenset(("allOf", "anyOf", "oneOf", "prefixItems", "items"))
_SINGLE = frozenset(
    (
        *("additionalProperties", "items", "additionalItems", "not", "if", "then", "else"),
        *("contains", "propertyNames", "unevaluatedProperties", "unevaluatedItems"),
    )
)


@dataclass(frozen=True, slots=True)
class Keyword:
    """A keyword in its subschema; `pointer` (RFC 6901) leads there from the root."""

    pointer: str
    name: str
    schema: dict[str, Any]

    @property
    def value(self) -> Any:
        """What the schema says under this keyword."""
        return self.schema[self.name]


def keywords(schema: Any, pointer: str = "") -> Iterator[Keyword]:
    """All keywords of a schema, the inner ones before those that hold them.

    In one subschema `type` comes last: without it, most other keywords mean nothing.
    """
    if not isinstance(schema, dict):
        return
    for name in sorted(schema, key=lambda name: name == "type"):
        place = f"{pointer}/{_escaped(name)}"
        for inner_pointer, inner in _subschemas(name, schema[name], place):
            yield from keywords(inner, inner_pointer)
        yield Keyword(place, name, schema)


def depth(value: Any) -> int:
    """How deep JSON is nested; counted without recursion, since it may be very deep."""
    deepest, level = 0, [value]
    while level:
        deepest += 1
        inner = (
            item.values() if isinstance(item, dict) else item
            for item in level
            if isinstance(item, (dict, list))
        )
        level = [value for values in inner for value in values]
    return deepest


def _subschemas(name: str, value: Any, place: str) -> Iterator[tuple[str, Any]]:
    if name in _MAPS and isinstance(value, dict):
        yield from ((f"{place}/{_escaped(key)}", inner) for key, inner in value.items())
    elif name in _LISTS and isinstance(value, list):
        yield from ((f"{place}/{index}", inner) for index, inner in enumerate(value))
    elif name in _SINGLE:
        yield place, value


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
