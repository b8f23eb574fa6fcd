"""The form that the text of a response is held to."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from jupyter_llm.types import Constraint, ConstraintKind


class PlainText(msgspec.Struct, tag="text", tag_field="type", forbid_unknown_fields=True):
    """Any text."""


class JsonObject(msgspec.Struct, tag="json_object", tag_field="type", forbid_unknown_fields=True):
    """Any JSON object."""


class JsonSchema(
    msgspec.Struct, tag="json_schema", tag_field="type", forbid_unknown_fields=True, kw_only=True
):
    """JSON that follows a schema, which is enforced whether `strict` or not."""

    name: Annotated[str, Meta(pattern=r"^[a-zA-Z0-9_-]{1,64}$")]
    schema: dict[str, Any]
    description: str | None = None
    strict: bool | None = None


class TextBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The form, and how wordy the text is, which no model here lets itself be told."""

    format: PlainText | JsonObject | JsonSchema | None = None
    verbosity: Literal["medium"] | None = None


def constraint_of(text: TextBody | None) -> Constraint | None:
    """The form as the engine enforces it; nothing where any text will do."""
    match text.format if text else None:
        case JsonObject():
            return Constraint(kind=ConstraintKind.JSON_OBJECT, param="text.format")
        case JsonSchema(schema=schema):
            return Constraint(
                kind=ConstraintKind.JSON_SCHEMA,
                text=msgspec.json.encode(schema).decode(),
                param="text.format.schema",
            )
    return None
