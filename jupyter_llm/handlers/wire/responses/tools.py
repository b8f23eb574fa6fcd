"""The tools of a Responses request, and which of them may or must be called."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from jupyter_llm.errors import InvalidRequestError
from jupyter_llm.handlers.wire.decode import decode
from jupyter_llm.handlers.wire.tool_rules import (
    check_callable,
    check_offered,
    check_unique,
    tool_of,
)
from jupyter_llm.types import Tool, Toolbox, ToolChoice

Name = Annotated[str, Meta(pattern=r"^[a-zA-Z0-9_-]{1,64}$")]


Choice = Literal["none", "auto", "required"] | dict[str, Any]


class _Kind(msgspec.Struct):
    type: str


class FunctionTool(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A function that the model may call; `parameters` is a JSON Schema."""

    type: Literal["function"]
    name: Name
    parameters: dict[str, Any] | None = None
    strict: bool | None = None
    description: str | None = None
    # only in the values that ask for nothing
    allowed_callers: list[Literal["direct"]] | None = None
    defer_loading: Literal[False] | None = None
    output_schema: None = None
    is_async: Literal[False] | None = msgspec.field(default=None, name="async")


class NamedFunction(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """One function, to be called or among those that may be."""

    type: Literal["function"]
    name: Name


class AllowedTools(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Some of the tools, from which the model chooses."""

    type: Literal["allowed_tools"]
    mode: Literal["auto", "required"]
    tools: Annotated[list[NamedFunction], Meta(min_length=1)]


_KIND = msgspec.json.Decoder(_Kind)
_TOOL = msgspec.json.Decoder(FunctionTool)
_CHOICES: dict[str, msgspec.json.Decoder[Any]] = {
    "function": msgspec.json.Decoder(NamedFunction),
    "allowed_tools": msgspec.json.Decoder(AllowedTools),
}


def toolbox_of(
    tools: list[msgspec.Raw] | None,
    choice: Choice | None,
    *,
    is_parallel: bool,
) -> Toolbox:
    """The tools as the engine takes them.

    Raises:
        InvalidRequestError: A tool that is no function, or a choice that is none of them;
            `param` names it.
    """
    known = tuple(_tool(raw, f"tools[{number}]") for number, raw in enumerate(tools or ()))
    offered = [tool.name for tool in known]
    check_unique(offered, "name")
    mode, names, name = _choice(choice)
    for wanted in filter(None, (*names, name)):
        check_offered(wanted, offered, "tool_choice")
    check_callable(mode, offered)
    allowed = tuple(tool for tool in known if tool.name in names) if names else known
    return Toolbox(tools=allowed, choice=mode, name=name, is_parallel=is_parallel)


def _tool(raw: msgspec.Raw, at: str) -> Tool:
    kind = decode(raw, _KIND, at).type
    if kind != "function":
        raise InvalidRequestError(
            f"Tools of type {kind!r} do not run on this server. Use tools of type 'function' "
            "and run them yourself.",
            param=f"{at}.type",
        )
    tool = decode(raw, _TOOL, at)
    return tool_of(
        tool.name,
        tool.description,
        tool.parameters,
        param=f"{at}.parameters",
        is_strict=bool(tool.strict),
    )


def _choice(choice: Choice | None) -> tuple[ToolChoice, tuple[str, ...], str]:
    """Whether to call, the names it is narrowed down to (none: all), the one to call."""
    if not isinstance(choice, dict):
        return ToolChoice(choice or "auto"), (), ""
    raw = msgspec.json.encode(choice)
    kind = decode(raw, _KIND, "tool_choice").type
    if kind not in _CHOICES:
        raise InvalidRequestError(
            f"A 'tool_choice' of type {kind!r} is not supported; use {', '.join(_CHOICES)}.",
            param="tool_choice.type",
        )
    chosen = decode(raw, _CHOICES[kind], "tool_choice")
    if isinstance(chosen, AllowedTools):
        return ToolChoice(chosen.mode), tuple(tool.name for tool in chosen.tools), ""
    return ToolChoice.REQUIRED, (), chosen.name
