"""What every API here asks of tools, however a request writes them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from jupyter_llm.chat.grammar.keywords import depth
from jupyter_llm.chat.grammar.schema import MAX_DEPTH
from jupyter_llm.errors import InvalidRequestError
from jupyter_llm.types import Tool, ToolChoice

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable


def tool_of(
    name: str,
    description: str | None,
    schema: dict[str, Any] | None,
    *,
    param: str,
    is_strict: bool,
) -> Tool:
    """A tool whose arguments have the schema that stands in the field `param`.

    Raises:
        InvalidRequestError: It is not the schema of an object, or is nested too deeply.
    """
    tool = Tool(name=name, description=description or "", is_strict=is_strict, param=param)
    if schema is None:
        return tool
    if schema.get("type", "object") != "object":
        raise InvalidRequestError(
            f'\'{param}\' must be the schema of an object: its "type" is not "object".',
            param=param,
        )
    # templates, parsers and answers go through it by recursion
    if depth(schema) > MAX_DEPTH:
        raise InvalidRequestError(
            f"'{param}' is nested more than {MAX_DEPTH} levels deep. Make the schema flatter, or "
            "write what repeats under '$defs'.",
            param=param,
        )
    return replace(tool, parameters=json.dumps(schema, ensure_ascii=False))


def check_unique(names: Iterable[str], place: str) -> None:
    """See that every tool has a name of its own; `place` is where a name stands in `tools[n]`.

    Raises:
        InvalidRequestError: Two have the same; `param` names the second.
    """
    seen: set[str] = set()
    for number, name in enumerate(names):
        if name in seen:
            raise InvalidRequestError(
                f"There are two tools named {name!r}; give each a name of its own.",
                param=f"tools[{number}].{place}",
            )
        seen.add(name)


def check_offered(name: str, offered: Collection[str], param: str) -> None:
    """See that the tool that `param` names is there.

    Raises:
        InvalidRequestError: It is not.
    """
    if name not in offered:
        raise InvalidRequestError(
            f"'tool_choice' names {name!r}, which is not among the tools.", param=param
        )


def check_callable(mode: ToolChoice, offered: Collection[str]) -> None:
    """See that there is something to call where a call is asked for.

    Raises:
        InvalidRequestError: There is not.
    """
    if mode is ToolChoice.REQUIRED and not offered:
        raise InvalidRequestError(
            "'tool_choice' asks for a call, but there are no tools.", param="tool_choice"
        )
