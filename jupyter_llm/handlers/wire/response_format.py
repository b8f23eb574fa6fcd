"""The fields that hold an answer to a form, and what they ask for.

`response_format` is OpenAI's; `regex`, `grammar` and `choice` are ours. A grammar as an object has
the shape of those in OpenAI's custom tools.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from jupyter_llm.errors import InvalidRequestError
from jupyter_llm.types import Constraint, ConstraintKind

from .fields import NonEmpty

SCHEMA_PARAM = "response_format.json_schema.schema"


AnySchema = Annotated[msgspec.Raw, Meta(extra_json_schema={"type": ["object", "boolean"]})]


class TextFormat(msgspec.Struct, tag="text", tag_field="type", forbid_unknown_fields=True):
    """Any text: no constraint."""


class JsonObjectFormat(
    msgspec.Struct, tag="json_object", tag_field="type", forbid_unknown_fields=True
):
    """Any JSON object."""


class JsonSchemaBody(msgspec.Struct, forbid_unknown_fields=True):
    """A schema with its name; it is enforced, strict or not."""

    name: Annotated[str, Meta(pattern=r"^[a-zA-Z0-9_-]{1,64}$")]
    schema: AnySchema = msgspec.field(default_factory=lambda: msgspec.Raw(b"{}"))
    strict: bool | None = None
    description: str | None = None


class JsonSchemaFormat(
    msgspec.Struct, tag="json_schema", tag_field="type", forbid_unknown_fields=True
):
    """JSON that validates against a schema."""

    json_schema: JsonSchemaBody


ResponseFormat = TextFormat | JsonObjectFormat | JsonSchemaFormat


class GrammarBody(msgspec.Struct, forbid_unknown_fields=True):
    """A grammar and the language that it is written in."""

    syntax: Literal["lark", "gbnf", "regex"]
    definition: NonEmpty


class FormBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The fields of a request body that hold its answer to a form; at most one is given."""

    response_format: ResponseFormat | None = None
    regex: NonEmpty | None = None
    grammar: NonEmpty | GrammarBody | None = None
    choice: Annotated[list[str], Meta(min_length=1)] | None = None


def constraint_of(body: FormBody) -> Constraint | None:
    """What the answer must look like, if anything is said about it.

    Raises:
        InvalidRequestError: More than one field says so; `param` names the last.
    """
    given = [
        constraint
        for constraint in (
            _response_format(body.response_format),
            _regex(body.regex),
            _grammar(body.grammar),
            _choice(body.choice),
        )
        if constraint
    ]
    if len(given) > 1:
        first, *_, last = (constraint.param.partition(".")[0] for constraint in given)
        raise InvalidRequestError(
            f"'{first}' and '{last}' both say what the answer must look like; give one of them.",
            param=last,
        )
    return given[0] if given else None


def json_schema(schema: msgspec.Raw, param: str) -> Constraint:
    """The constraint of a schema as it stands in a body, in the field `param`.

    Raises:
        InvalidRequestError: It is no text.
    """
    try:
        text = bytes(schema).decode()
    except UnicodeDecodeError as error:
        raise InvalidRequestError(f"{param} is not valid UTF-8: {error}.", param=param) from error
    return Constraint(kind=ConstraintKind.JSON_SCHEMA, text=text, param=param)


def _response_format(body: ResponseFormat | None) -> Constraint | None:
    if isinstance(body, JsonSchemaFormat):
        return json_schema(body.json_schema.schema, SCHEMA_PARAM)
    if isinstance(body, JsonObjectFormat):
        return Constraint(kind=ConstraintKind.JSON_OBJECT, param="response_format")
    return None


def _regex(pattern: str | None) -> Constraint | None:
    return _constraint(ConstraintKind.REGEX, pattern, "regex")


def _grammar(body: str | GrammarBody | None) -> Constraint | None:
    if isinstance(body, GrammarBody):
        return _constraint(ConstraintKind(body.syntax), body.definition, "grammar")
    # only GBNF defines its rules this way
    kind = ConstraintKind.GBNF if body and "::=" in body else ConstraintKind.LARK
    return _constraint(kind, body, "grammar")


def _choice(choices: list[str] | None) -> Constraint | None:
    text = None if choices is None else msgspec.json.encode(choices).decode()
    return _constraint(ConstraintKind.CHOICE, text, "choice")


def _constraint(kind: ConstraintKind, text: str | None, param: str) -> Constraint | None:
    return None if text is None else Constraint(kind=kind, text=text, param=param)
