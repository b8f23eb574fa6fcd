"""The type that an answer is wanted in: its JSON Schema, and values of it from the JSON text."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from inspect import isfunction
from typing import Any, Literal, get_args

from jupyter_llm.errors import AnswerFormatError, InvalidRequestError

_ADVICE = (
    "Give a pydantic model, a dataclass, a TypedDict, a type such as list[str], Literal['a', 'b'] "
    "or int, a list of the strings to choose from, or a JSON Schema."
)
_NAME_LENGTH = 64
_NO_NAME = re.compile(r"[^a-zA-Z0-9_-]+")
# what Python's types mean by it, in words that a grammar can be made of
_DECIMAL = r"^-?[0-9]{1,30}(\.[0-9]{1,30})?$"


@dataclass(frozen=True, kw_only=True, slots=True)
class AnswerType:
    """What JSON must look like to become such a value.

    `convert` makes a value of parsed JSON; it raises ValueError or TypeError for what does not
    fit. `name` is for people and for OpenAI's `json_schema.name`.
    """

    name: str
    schema: dict[str, Any]
    convert: Callable[[Any], Any] = field(repr=False, compare=False)

    def read(self, text: str) -> Any:
        """The value that a model's answer stands for.

        Raises:
            AnswerFormatError: The text is no JSON, or not of this type; the message says where.
        """
        import msgspec

        try:
            return self.convert(msgspec.json.decode(text))
        except (ValueError, TypeError) as exc:
            raise AnswerFormatError(
                f"The answer is not a valid {self.name}: {exc} The model wrote: {_quoted(text)}"
            ) from exc

    def response_format(self) -> dict[str, Any]:
        """The field `response_format` that holds an answer to the schema."""
        return {"type": "json_schema", "json_schema": {"name": self.name, "schema": self.schema}}

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of the fields, where the value is an object that has some."""
        return tuple(self.schema.get("properties", ()))


def answer_type(kind: Any) -> AnswerType:
    """The `AnswerType` of a Python type or of a JSON Schema.

    Args:
        kind: A pydantic model, dataclass, TypedDict or msgspec Struct; `list[…]`, `Literal[…]`,
            an Enum or a basic type; a list of strings, one of which is to be chosen; a JSON
            Schema as a dict or as text, whose JSON is then left as it is.

    Raises:
        InvalidRequestError: It is none of these; `param` is `schema`.
    """
    if isinstance(kind, AnswerType):
        return kind
    if isinstance(kind, str):
        kind = _parsed(kind)
    if isinstance(kind, dict):
        return AnswerType(name=_name(kind.get("title")), schema=kind, convert=_as_it_is)
    if isinstance(kind, list | tuple) and kind and all(isinstance(item, str) for item in kind):
        kind = Literal[tuple(kind)]
    return _of_type(kind)


def _of_type(kind: Any) -> AnswerType:
    try:
        return _with_library(kind)
    except (TypeError, ValueError, RuntimeError) as exc:  # pydantic's errors are RuntimeErrors
        raise InvalidRequestError(
            f"{_name_of(kind)} has no JSON Schema ({str(exc).splitlines()[0]}). {_ADVICE}",
            param="schema",
        ) from exc


def _with_library(kind: Any) -> AnswerType:
    """By msgspec, which is quick and comes with this package; by pydantic what is pydantic's."""
    if isfunction(kind):  # pydantic would take it for the type of its calls
        raise TypeError("it is a function, which `tools=` takes")
    if not _is_pydantic(kind):
        try:
            return _with_msgspec(kind)
        except TypeError:
            if "pydantic" not in sys.modules:  # then nothing inside it can be pydantic's
                raise
    return _with_pydantic(kind)


def _with_msgspec(kind: Any) -> AnswerType:
    import msgspec

    return AnswerType(
        name=_name(_name_of(kind)),
        schema=_enforceable(_root(msgspec.json.schema(kind))),
        convert=lambda value: msgspec.convert(value, kind, str_keys=True),
    )


def _with_pydantic(kind: Any) -> AnswerType:
    from pydantic import TypeAdapter

    adapter = TypeAdapter(kind)
    return AnswerType(
        name=_name(_name_of(kind)),
        schema=_enforceable(_root(adapter.json_schema())),
        convert=adapter.validate_python,
    )


def _is_pydantic(kind: Any) -> bool:
    """Whether pydantic made the class, or one that `kind` is a list or a union of."""
    own = hasattr(kind, "__pydantic_validator__") or hasattr(kind, "__is_pydantic_dataclass__")
    return own or any(_is_pydantic(argument) for argument in get_args(kind))


def _root(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema itself on top, as OpenAI has it, where msgspec puts a reference to it."""
    reference, definitions = schema.get("$ref", ""), schema.get("$defs", {})
    if not reference:
        return schema
    name = reference.removeprefix("#/$defs/")
    top = definitions[name]
    others = {key: value for key, value in definitions.items() if key != name}
    if _mentions([top, others], reference):
        others = definitions
    return {**top, "$defs": others} if others else top


def _mentions(value: Any, reference: str) -> bool:
    if isinstance(value, dict):
        return value.get("$ref") == reference or _mentions(list(value.values()), reference)
    return isinstance(value, list) and any(_mentions(item, reference) for item in value)


def _enforceable(value: Any) -> Any:
    """The schema of a type in the words that the server can enforce.

    Objects take the fields of the type and no others; that a set has nothing twice is
    seen to when it is made.
    """
    if isinstance(value, list):
        return [_enforceable(item) for item in value]
    if not isinstance(value, dict):
        return value
    changed = {
        key: _each(item) if key in {"properties", "$defs"} else _enforceable(item)
        for key, item in value.items()
        if key not in {"default", "enum", "const"}
    }
    kept = {key: value[key] for key in ("default", "enum", "const") if key in value}
    return _closed({**changed, **kept})


def _each(schemas: dict[str, Any]) -> dict[str, Any]:
    return {name: _enforceable(schema) for name, schema in schemas.items()}


def _closed(schema: dict[str, Any]) -> dict[str, Any]:
    schema.pop("uniqueItems", None)
    if "properties" in schema:
        schema.setdefault("additionalProperties", False)
    if schema.get("format") == "decimal":
        del schema["format"]
        schema["pattern"] = _DECIMAL
    return schema


def _parsed(text: str) -> dict[str, Any]:
    import msgspec

    try:
        schema = msgspec.json.decode(text)
    except msgspec.DecodeError as exc:
        raise InvalidRequestError(
            f"The schema is no JSON: {exc}. {_ADVICE}", param="schema"
        ) from exc
    if not isinstance(schema, dict):
        raise InvalidRequestError(
            f"The schema is JSON, but no object: {_quoted(text)}. {_ADVICE}", param="schema"
        )
    return schema


def _as_it_is(value: Any) -> Any:
    return value


def _name_of(kind: Any) -> str:
    return kind.__name__ if isinstance(kind, type) and not get_args(kind) else str(kind)


def _name(text: Any) -> str:
    """`text` as OpenAI allows it for a name."""
    return _NO_NAME.sub("_", str(text or "")).strip("_")[:_NAME_LENGTH] or "answer"


def _quoted(text: str, length: int = 200) -> str:
    return repr(text if len(text) <= length else f"{text[:length]}…")
