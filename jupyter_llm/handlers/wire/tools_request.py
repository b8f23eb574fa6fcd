"""The fields of a chat request that offer tools to the model, and what they ask for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from jupyter_llm.errors import InvalidRequestError
from jupyter_llm.types import Tool, Toolbox, ToolChoice

from .tool_rules import check_callable, check_offered, check_unique, tool_of

FunctionName = Annotated[str, Meta(pattern=r"^[a-zA-Z0-9_-]{1,64}$")]

MAX_TOOLS = 128
"""OpenAI's bound on the number of tools."""


class FunctionBody(msgspec.Struct, forbid_unknown_fields=True):
    """A function; `parameters` is the JSON Schema of its arguments."""

    name: FunctionName
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class ToolBody(msgspec.Struct, tag="function", tag_field="type", forbid_unknown_fields=True):
    """A tool; functions are the only kind."""

    function: FunctionBody


class NameBody(msgspec.Struct, forbid_unknown_fields=True):
    """A function by its name."""

    name: str


class NamedTool(msgspec.Struct, tag="function", tag_field="type", forbid_unknown_fields=True):
    """One of the tools: as a choice, the one that must be called."""

    function: NameBody


class AllowedBody(msgspec.Struct, forbid_unknown_fields=True):
    """Those of the tools that may be called this time."""

    mode: Literal["auto", "required"]
    tools: Annotated[list[NamedTool], Meta(min_length=1)]


class AllowedTools(
    msgspec.Struct, tag="allowed_tools", tag_field="type", forbid_unknown_fields=True
):
    """A choice among some of the tools."""

    allowed_tools: AllowedBody


Tools = Annotated[list[ToolBody], Meta(max_length=MAX_TOOLS)]
Choice = Literal["none", "auto", "required"] | NamedTool | AllowedTools


def template_arguments(given: dict[str, Any] | None) -> dict[str, Any]:
    """What goes to the chat template as it is.

    Raises:
        InvalidRequestError: A number in it is too large to pass on.
    """
    try:
        msgspec.msgpack.encode(given)
    except OverflowError as error:
        raise InvalidRequestError(
            "'chat_template_kwargs' has an integer of more than 64 bits.",
            param="chat_template_kwargs",
        ) from error
    return given or {}


def toolbox_of(
    tools: Sequence[ToolBody] | None, choice: Choice | None, *, is_parallel: bool | None
) -> Toolbox:
    """The tools that the model is offered, and whether it must call one.

    Raises:
        InvalidRequestError: A name is given twice, or chosen and not given.
    """
    functions = [body.function for body in tools or ()]
    offered = [function.name for function in functions]
    check_unique(offered, "function.name")
    mode, names, required = _chosen(choice, set(offered))
    return Toolbox(
        tools=tuple(
            _tool(index, function)
            for index, function in enumerate(functions)
            if function.name in names
        ),
        choice=mode,
        name=required,
        is_parallel=is_parallel is not False,
    )


def _chosen(choice: Choice | None, offered: set[str]) -> tuple[ToolChoice, set[str], str]:
    """The mode, the tools that count, and the one that must be called."""
    if isinstance(choice, NamedTool):
        name = choice.function.name
        check_offered(name, offered, "tool_choice.function.name")
        return ToolChoice.REQUIRED, offered, name
    if isinstance(choice, AllowedTools):
        allowed = choice.allowed_tools
        for index, tool in enumerate(allowed.tools):
            param = f"tool_choice.allowed_tools.tools[{index}].function.name"
            check_offered(tool.function.name, offered, param)
        return ToolChoice(allowed.mode), {tool.function.name for tool in allowed.tools}, ""
    mode = ToolChoice(choice or "auto")
    check_callable(mode, offered)
    return mode, offered, ""


def _tool(index: int, body: FunctionBody) -> Tool:
    return tool_of(
        body.name,
        body.description,
        body.parameters,
        param=f"tools[{index}].function.parameters",
        is_strict=bool(body.strict),
    )
