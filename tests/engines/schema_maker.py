"""Write `schemas/generated.json`: schemas put together at random, the same ones each time.

Run it after a change here, and look at what changed. Strings and lists are bounded, so that a
small model comes to an end.
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

NUM_SCHEMAS = 240
MAX_DEPTH = 3
PATH = Path(__file__).parents[1] / "schemas" / "generated.json"

KEYS = ("id", "name", "a b", "größe", 'quo"te', "$ref", "not", "x-y")
VALUES = (1, 2.5, "a", "b\n", 'é"', None, True, [1], {"x": 1}, "", 1000)
PATTERNS = (
    "^[a-z]{2,4}$",
    r"^\d{1,3}$",
    r"^(foo|bar)\s?x?$",
    "^[^a]{1,5}$",
    "^y[0-9]{2}",
    "[a-f]{2}$",
)
FORMATS = ("date", "time", "uuid", "ipv4", "date-time")


class Maker:
    """Schemas from one source of chance."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def root(self) -> dict[str, Any]:
        schema = self._random.choice([self._object, self._object, self._array, self._union])(0)
        return schema | {"$defs": {"small": self._leaf(), "other": self._any(MAX_DEPTH - 1)}}

    def _any(self, depth: int) -> dict[str, Any]:
        if depth >= MAX_DEPTH:
            return self._leaf()
        inner = (self._object, self._array, self._union, self._all_of, self._reference)
        if self._random.random() < 0.5:
            return self._leaf()
        return self._random.choice(inner)(depth)

    def _leaf(self) -> dict[str, Any]:
        kinds = (self._string, self._number, self._enum, self._pattern, self._format, self._plain)
        return self._random.choice(kinds)()

    def _plain(self) -> dict[str, Any]:
        return self._random.choice(
            [{"type": "boolean"}, {"type": "null"}, {"const": self._random.choice(VALUES)}]
        )

    def _string(self) -> dict[str, Any]:
        shortest = self._random.randint(0, 3)
        longest = shortest + self._random.randint(0, 4)
        kind = self._random.choice(["string", ["string", "null"]])
        return {"type": kind, "minLength": shortest, "maxLength": longest}

    def _number(self) -> dict[str, Any]:
        kind = self._random.choice(["integer", "number"])
        low = self._random.randint(-50, 50)
        bounds = {
            self._random.choice(["minimum", "exclusiveMinimum"]): low,
            self._random.choice(["maximum", "exclusiveMaximum"]): low + self._random.randint(9, 99),
        }
        if self._random.random() < 0.3:
            bounds["multipleOf"] = self._random.choice([2, 3, 5] if kind == "integer" else [0.25])
        return {"type": kind, **bounds}

    def _enum(self) -> dict[str, Any]:
        return {"enum": self._random.sample(VALUES, self._random.randint(1, 5))}

    def _pattern(self) -> dict[str, Any]:
        return {"type": "string", "pattern": self._random.choice(PATTERNS), "maxLength": 6}

    def _format(self) -> dict[str, Any]:
        kind = self._random.choice(FORMATS)
        return {"type": "string", "format": kind, "maxLength": 36}

    def _object(self, depth: int) -> dict[str, Any]:
        keys = self._random.sample(KEYS, self._random.randint(0, 4))
        schema: dict[str, Any] = {
            "type": "object",
            "properties": {key: self._any(depth + 1) for key in keys},
            "required": [key for key in keys if self._random.random() < 0.6],
            "additionalProperties": False,
        }
        return schema | self._rarity(depth)

    def _array(self, depth: int) -> dict[str, Any]:
        fewest = self._random.randint(0, 2)
        schema: dict[str, Any] = {
            "type": "array",
            "items": self._any(depth + 1),
            "minItems": fewest,
            "maxItems": fewest + self._random.randint(0, 2),
        }
        if self._random.random() < 0.2:
            schema["prefixItems"] = [self._any(depth + 1)]
        if self._random.random() < 0.04:
            schema[self._random.choice(["uniqueItems", "unevaluatedItems"])] = True
        return schema

    def _union(self, depth: int) -> dict[str, Any]:
        word = self._random.choice(["anyOf", "anyOf", "oneOf"])
        return {word: [self._any(depth + 1) for _ in range(self._random.randint(1, 3))]}

    def _all_of(self, depth: int) -> dict[str, Any]:
        return {"allOf": [self._any(depth + 1)]}

    def _reference(self, _depth: int) -> dict[str, Any]:
        return {"$ref": self._random.choice(["#/$defs/small", "#/$defs/other"])}

    def _rarity(self, depth: int) -> dict[str, Any]:
        """Now and then a keyword that is seldom used, or that cannot be enforced."""
        if self._random.random() > 0.2:
            return {}
        return self._random.choice(
            [
                {"patternProperties": {"^x-": self._leaf()}, "maxProperties": 3},
                {"minProperties": 1},
                {"propertyNames": {"maxLength": 6}},
                {"not": {"required": ["secret"]}},
                {"anyOf": [self._object(depth + 1)]},
            ]
        )


def main() -> None:
    """Write the file."""
    schemas = [Maker(seed).root() for seed in range(NUM_SCHEMAS)]
    lines = ",\n".join(json.dumps(schema, ensure_ascii=False) for schema in schemas)
    PATH.write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    main()
