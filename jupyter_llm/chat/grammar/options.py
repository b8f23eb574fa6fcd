"""How JSON is written in every grammar, whatever asks for it."""

from __future__ import annotations

from typing import Any

WHITE_SPACE = r"( |\r?\n[ \t]{0,40})"
"""Between the parts of JSON: a blank, or a line's end and the next one's indentation.

JSON allows any amount; a model at a loss then writes blanks until it is cut.
"""

JSON_OPTIONS: dict[str, Any] = {
    "whitespace_pattern": WHITE_SPACE,
    "coerce_one_of": False,  # `oneOf` read as `anyOf` lets answers through that do not validate
    "lenient": False,
}
