"""The tools of a Messages request, and which of them may or must be used."""

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

from .blocks import CacheControl

Name = Annotated[str, Meta(pattern=r"^[a-zA-Z0-9_-]{1,128}$")]


class _Kind(msgspec.Struct):
    type: str | None = None


class CustomTool(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A tool that the client runs; `input_schema` is a JSON Schema."""

    name: Name
    input_schema: dict[str, Any]
    type: Literal["custom"] | None = None
    description: str | None = None
    strict: bool | None = None
    # without effect: prefixes are cached, and inputs are streamed as they come
    cache_control: CacheControl | None = None
    eager_input_streaming: bool | None = None
    # only in the values that ask for nothing
    allowed_callers: list[Literal["direct"]] | None = None
    defer_loading: Literal[False] | None = None
    input_examples: Annotated[list[Any], Meta(max_length=0)] | None = None


class ToolChoiceBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Whether tools are used; `name` belongs to the type `tool`."""

    type: Literal["auto", "any", "tool", "none"]
    name: str | None = None
    disable_parallel_tool_use: bool | None = None


_KIND = msgspec.json.Decoder(_Kind)
_TOOL = msgspec.json.Decoder(CustomTool)
_CHOICES = {
    "auto": ToolChoice.AUTO,
    "none": ToolChoice.NONE,
    "any": ToolChoice.REQUIRED,
    "tool": ToolChoice.REQUIRED,
}


def toolbox_of(tools: list[msgspec.Raw] | None, choice: ToolChoiceBody | None) -> Toolbox:
    """The tools as the engine takes them.

    Raises:
        InvalidRequestError: A tool that the client does not run itself, or a choice that
            there is not; `param` names it.
    """
    known = tuple(_tool(raw, f"tools[{number}]") for number, raw in enumerate(tools or ()))
    names = [tool.name for tool in known]
    check_unique(names, "name")
    if choice is None:
        return Toolbox(tools=known)
    mode = _CHOICES[choice.type]
    _check_name(choice, names)
    check_callable(mode, names)
    return Toolbox(
        tools=known,
        choice=mode,
        name=choice.name or "",
        is_parallel=not choice.disable_parallel_tool_use,
    )


def _tool(raw: msgspec.Raw, at: str) -> Tool:
    kind = decode(raw, _KIND, at).type
    if kind not in (None, "custom"):
        raise InvalidRequestError(
            f"Tools of type {kind!r} do not run on this server. Describe tools by their "
            "'input_schema' and run them yourself.",
            param=f"{at}.type",
        )
    tool = decode(raw, _TOOL, at)
    return tool_of(
        tool.name,
        tool.description,
        tool.input_schema,
        param=f"{at}.input_schema",
        is_strict=bool(tool.strict),
    )


def _check_name(choice: ToolChoiceBody, names: list[str]) -> None:
    if (choice.type == "tool") != (choice.name is not None):
        raise InvalidRequestError(
            "A 'name' goes with a 'tool_choice' of the type 'tool', and with no other.",
            param="tool_choice.name",
        )
    if choice.name is not None:
        check_offered(choice.name, names, "tool_choice.name")
