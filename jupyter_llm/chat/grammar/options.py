"""How JSON is written in every grammar, whatever asks for it."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import Any

WHITE_SPACE = r"( |\r?\n[ \t]{0,40})"
"""Between the parts of JSON: a blank, or a line's end and the next one's indentation.

JSON allows any amount; a model at a loss then writes blanks until it is cut.
"""


def white_space(llguidance: str) -> dict[str, Any]:
    """What keeps white space short in this version of llguidance.

    Before 1.9 it repeats the pattern without an end, so that JSON stands on one line there;
    vLLM wants such a version.
    """
    numbers = llguidance.split(".")[:2]
    if all(number.isdigit() for number in numbers) and tuple(map(int, numbers)) < (1, 9):
        return {"whitespace_flexible": False}
    return {"whitespace_pattern": WHITE_SPACE}


def _installed() -> str:
    try:
        return version("llguidance")
    except PackageNotFoundError:
        return ""


JSON_OPTIONS: dict[str, Any] = {
    **white_space(_installed()),
    "coerce_one_of": False,  # `oneOf` read as `anyOf` lets answers through that do not validate
    "lenient": False,
}
"""The form that an answer is held to."""
