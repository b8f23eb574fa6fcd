"""What of a JSON Schema cannot be enforced, and where it stands."""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

from jupyter_llm.errors import InvalidRequestError

from .keywords import Keyword, depth, keywords

MAX_DEPTH = 100
"""Levels of nesting; deeper ones are beyond any answer, and cost the compiler its stack."""

SEARCH_S = 1.0
"""How long to look for the keyword that a refusal is about."""

_NAMED = tuple(
    re.compile(pattern)
    for pattern in (
        r'^Unimplemented keys: \["(?P<name>[^"]+)"',
        r"^(?P<name>oneOf) constraints",
        r"for '(?P<name>\w+)'",
        r"^Unknown (?P<name>format)",
        r"^Invalid (?P<name>type)",
        r"^(?P<name>\w+) must be",
        r"^Unsatisfiable schema: (?:required > )?(?P<name>m\w+) ",
    )
)
"""Where llguidance's refusals name a keyword."""


def parse(text: str, param: str) -> dict[str, Any]:
    """The schema as JSON, checked for what llguidance accepts but does not enforce.

    Raises:
        InvalidRequestError: It is no schema, or has a keyword that cannot be enforced;
            the message has its JSON pointer.
    """
    try:
        schema = json.loads(text, parse_constant=_finite, parse_float=_finite)
        deepest = depth(schema)
    except (ValueError, RecursionError) as error:
        raise InvalidRequestError(f"{param} is not valid JSON: {error}.", param=param) from error
    if schema is True:
        return {}
    if not isinstance(schema, dict):
        raise InvalidRequestError(
            f"{param} is no JSON Schema that an answer can meet: give an object.", param=param
        )
    if deepest > MAX_DEPTH:
        raise InvalidRequestError(
            f"{param} is nested {deepest} levels deep: at most {MAX_DEPTH} are enforced.",
            param=param,
        )
    for keyword in keywords(schema):
        if reason := _unsound(keyword):
            raise refusal(param, keyword.pointer, reason)
    return schema


def _finite(number: str) -> float:
    value = float(number)
    if not math.isfinite(value):
        raise ValueError(f"{number} is no number that can be compared with")
    return value


def refusal(param: str, pointer: str, reason: str) -> InvalidRequestError:
    """The error for a keyword that cannot be enforced."""
    return InvalidRequestError(
        f"{param}#{pointer} cannot be enforced: {reason}. Leave it out or write it another way.",
        param=param,
    )


def culprit(schema: Any, message: str, trouble_with: Callable[[Any], str]) -> str:
    """The JSON pointer of the keyword that `message` refuses; empty for the whole schema.

    `trouble_with` says why a schema is refused, and nothing where it is not. The keyword
    is the innermost one without which the refusal is gone, or another; those that the
    message names are tried first.
    """
    deadline = time.monotonic() + SEARCH_S
    for keyword in _suspects(schema, message):
        if time.monotonic() > deadline:
            break
        if _is_at_fault(keyword, schema, message, trouble_with):
            return keyword.pointer
    return ""


def _suspects(schema: Any, message: str) -> Iterator[Keyword]:
    names = {found["name"] for pattern in _NAMED if (found := pattern.search(message))}
    if message.startswith("min/maxProperties"):
        names |= {"minProperties", "maxProperties"}
    everything = list(keywords(schema))
    yield from (keyword for keyword in everything if keyword.name in names)
    yield from (keyword for keyword in everything if keyword.name not in names)


def _is_at_fault(
    keyword: Keyword, schema: Any, message: str, trouble_with: Callable[[Any], str]
) -> bool:
    items = list(keyword.schema.items())
    del keyword.schema[keyword.name]
    try:
        return trouble_with(schema) != message
    finally:
        keyword.schema.clear()
        keyword.schema.update(items)  # in the order that it had: answers follow it


def _unsound(keyword: Keyword) -> str:
    """Why a keyword that llguidance takes would not hold; empty where it holds."""
    if keyword.name == "minProperties" and _may_repeat_keys(keyword):
        return "keys that are not listed may come twice, so they cannot be counted"
    patterns = _patterns(keyword)
    if any(has_dangling_escape(pattern) for pattern in patterns):
        return "the regular expression ends with a lone backslash"
    return ""


def _may_repeat_keys(keyword: Keyword) -> bool:
    """Whether the count could be reached with one free key written twice."""
    schema = keyword.schema
    required = schema.get("required")
    num_certain = len(set(map(str, required))) if isinstance(required, list) else 0
    is_closed = schema.get("additionalProperties") is False and not schema.get("patternProperties")
    return isinstance(keyword.value, int) and keyword.value > num_certain + 1 and not is_closed


def _patterns(keyword: Keyword) -> list[str]:
    if keyword.name == "pattern" and isinstance(keyword.value, str):
        return [keyword.value]
    if keyword.name == "patternProperties" and isinstance(keyword.value, dict):
        return list(keyword.value)
    return []


def has_dangling_escape(pattern: str) -> bool:
    r"""Whether a pattern ends in the middle of an escape; llguidance reads `\` as nothing."""
    return (len(pattern) - len(pattern.rstrip("\\"))) % 2 == 1
