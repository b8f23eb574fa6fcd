"""What a Python function says of itself: its name, its arguments, its docstring."""

from __future__ import annotations

import inspect
import math
import typing
from collections.abc import Callable, Mapping
from typing import Any

from jupyter_llm.errors import InvalidRequestError

from .answer_type import AnswerType

_NAMED = {inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY}
_UNTOLD = {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}


def parameters_of(function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """The parameters that a model is told of, by name.

    Raises:
        InvalidRequestError: It has none to see, or takes one by position only.
    """
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError) as exc:
        raise InvalidRequestError(
            f"{function!r} cannot be a tool ({exc}). Give a Python function.", param="tools"
        ) from exc
    told = [p for p in signature.parameters.values() if p.kind not in _UNTOLD]
    if unnamed := [p.name for p in told if p.kind not in _NAMED]:
        raise InvalidRequestError(
            f"{name_of(function)} takes {unnamed[0]!r} by position only, and a model names "
            "what it gives. Wrap it in a function that takes it by name.",
            param="tools",
        )
    return {parameter.name: parameter for parameter in told}


def annotations_of(function: Callable[..., Any]) -> dict[str, Any]:
    """The types as objects, also where they are written as text."""
    try:
        return typing.get_type_hints(_target(function), include_extras=True)
    except (NameError, TypeError) as exc:
        raise InvalidRequestError(
            f"The annotations of {name_of(function)} cannot be read: {exc}", param="tools"
        ) from exc


def kind_of_default(default: Any) -> Any:
    """The type of a parameter that has no annotation: that of a plain default, or any."""
    return type(default) if isinstance(default, bool | int | float | str) else Any


def annotated_texts(kinds: Mapping[str, Any]) -> dict[str, str]:
    """The texts in `Annotated[int, "…"]`."""
    found = {}
    for name, kind in kinds.items():
        for item in getattr(kind, "__metadata__", ()):
            if isinstance(item, str):
                found[name] = item
    return found


def arguments_schema(
    parameters: Mapping[str, inspect.Parameter],
    types: Mapping[str, AnswerType],
    texts: Mapping[str, str],
) -> dict[str, Any]:
    """The JSON Schema of all arguments together, with `texts` as their descriptions."""
    properties, definitions = {}, {}
    for name, parameter in parameters.items():
        schema = dict(types[name].schema)
        definitions.update(schema.pop("$defs", {}))
        if name in texts:
            schema["description"] = texts[name]
        if _is_json(parameter.default):
            schema["default"] = parameter.default
        properties[name] = schema
    required = [p.name for p in parameters.values() if p.default is p.empty]
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
        **({"$defs": definitions} if definitions else {}),
    }


def _is_json(default: Any) -> bool:
    if isinstance(default, float):
        return math.isfinite(default)
    return default is None or isinstance(default, bool | int | str)


def docstring_of(function: Callable[..., Any]) -> Any:
    """The docstring, taken apart by docstring-parser."""
    import docstring_parser

    return docstring_parser.parse(inspect.getdoc(_target(function)) or "")


def description_of(described: Any) -> str:
    """What a docstring says before it comes to the arguments."""
    texts = (described.short_description, described.long_description)
    return "\n\n".join(text for text in texts if text)


def name_of(function: Callable[..., Any]) -> str:
    """The name of a function, of what a partial calls, or of a callable object's class."""
    named = getattr(function, "func", function)
    return str(getattr(named, "__name__", type(named).__name__))


def _target(function: Callable[..., Any]) -> Any:
    """The function that has annotations and docstring: of a partial, or of an object's call."""
    function = inspect.unwrap(getattr(function, "func", function))
    return function if inspect.isroutine(function) else type(function).__call__
