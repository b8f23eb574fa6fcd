"""The form that an answer is wanted in, and the value that it then is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from IPython.core.error import UsageError

from jupyter_llm.client.answer_type import AnswerType, answer_type
from jupyter_llm.client.work import value_of
from jupyter_llm.errors import LLMError

from .code import code_of

if TYPE_CHECKING:
    from jupyter_llm.client.reply import Reply

KINDS = ("DataFrame", "list", "json", "code")

_ROW = {
    "title": "row",
    "type": "object",
    "additionalProperties": {"type": ["string", "number", "boolean", "null"]},
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Form:
    """What `--schema` and `--as` ask for.

    `wanted` holds the model to it, where that is asked for, and `value` makes a Python value of a
    whole reply. An answer that is no prose is shown as code of `language`.
    """

    value: Callable[[Reply], Any]
    wanted: AnswerType | None = None
    language: str = ""

    @property
    def is_typed(self) -> bool:
        """Whether the value is something else than text."""
        return self.wanted is not None


PROSE = Form(value=lambda reply: reply.text)


def form_of(kind: str | None, schema: Any = None) -> Form:
    """The form for `--as kind` and `--schema schema`, either of which may be missing.

    Raises:
        InvalidRequestError: The schema is none.
        UsageError: The two do not go together.
    """
    if kind == "code":
        if schema is not None:
            raise UsageError("--as code goes without --schema: code has none.")
        return Form(value=lambda reply: code_of(reply.text))
    if kind is None and schema is None:
        return PROSE
    wanted = _wanted(kind, schema)
    return Form(value=_reader(kind, wanted), wanted=wanted, language="json")


def _wanted(kind: str | None, schema: Any) -> AnswerType:
    if kind == "json":
        found = answer_type({"type": "object"} if schema is None else schema)
        return AnswerType(name=found.name, schema=found.schema, convert=lambda value: value)
    if kind == "list":
        return _list_of(str if schema is None else schema)
    if kind == "DataFrame":
        return _list_of(_ROW if schema is None else schema)
    return answer_type(schema)


def _list_of(schema: Any) -> AnswerType:
    """The type of a list of such values; a list of them already is one."""
    one = answer_type(schema)
    if one.schema.get("type") == "array":
        return one
    if isinstance(schema, list | tuple):
        schema = Literal[tuple(schema)]
    name = f"list_of_{one.name}"
    if not isinstance(schema, dict | str | AnswerType):
        return replace(answer_type(list[schema]), name=name)
    items = {key: value for key, value in one.schema.items() if key != "$defs"}
    shared = {"$defs": one.schema["$defs"]} if "$defs" in one.schema else {}
    return answer_type({"title": name, "type": "array", "items": items, **shared})


def _reader(kind: str | None, wanted: AnswerType) -> Callable[[Reply], Any]:
    if kind == "DataFrame":
        return lambda reply: _data_frame(value_of(reply, wanted))
    return lambda reply: value_of(reply, wanted)


def _data_frame(rows: list[Any]) -> Any:
    try:
        import pandas as pd
    except ImportError as exc:
        raise LLMError("--as DataFrame needs pandas: `%pip install pandas`.") from exc
    return pd.DataFrame([_record(row) for row in rows])


def _record(row: Any) -> dict[str, Any]:
    """A row by its fields; what has none is a value of its own."""
    if isinstance(row, dict):
        return row
    if is_dataclass(row):
        return {field.name: getattr(row, field.name) for field in fields(row)}
    names = getattr(type(row), "model_fields", ()) or getattr(row, "__struct_fields__", ())
    return {name: getattr(row, name) for name in names} or {"value": row}
