"""The form that an answer is held to."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ConstraintKind(StrEnum):
    """The language that a constraint is written in."""

    JSON_OBJECT = "json_object"
    JSON_SCHEMA = "json_schema"
    REGEX = "regex"
    LARK = "lark"
    GBNF = "gbnf"
    CHOICE = "choice"


@dataclass(frozen=True, kw_only=True, slots=True)
class Constraint:
    """What an answer must look like, to its last token.

    `text` is a schema or a list of choices as JSON text, a regular expression or a grammar,
    by `kind`; empty for `JSON_OBJECT`. `param` is the field of the request that it came in.
    """

    kind: ConstraintKind
    text: str = ""
    param: str = "response_format"
