"""A conversation: what was said, and the tools that the model may call."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


@dataclass(frozen=True, kw_only=True, slots=True)
class ToolCall:
    """A call that the model made; `arguments` is JSON text, as the model wrote it."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Image:
    """A picture in a message, before the character number `offset` of its content.

    `data` is the file itself; until it is there, `url` says where it is. `param` is the field
    that it came in.
    """

    param: str
    offset: int = 0
    data: bytes = field(default=b"", repr=False)
    url: str = field(default="", repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """One turn of a conversation.

    An assistant's turn may have called tools and shown its `reasoning`; a turn of the role
    `tool` answers the call `tool_call_id`. `images` stand in the order of their places.
    """

    role: str
    content: str
    name: str | None = None
    reasoning: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str = ""
    images: tuple[Image, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Tool:
    """A function that the model may ask for.

    `parameters` is the JSON Schema of its arguments as JSON text, and `param` where that stood
    in the request; `is_strict` asks that arguments which do not follow it never come.
    """

    name: str
    description: str = ""
    parameters: str = '{"type":"object","properties":{}}'
    is_strict: bool = False
    # the same tool, wherever it stands
    param: str = field(default="tools", compare=False)


class ToolChoice(StrEnum):
    """Whether the model calls a tool: as it likes, never, or at least one."""

    AUTO = "auto"
    NONE = "none"
    REQUIRED = "required"


@dataclass(frozen=True, kw_only=True, slots=True)
class Toolbox:
    """The tools of a request; with `REQUIRED`, a `name` is the one that must be called."""

    tools: tuple[Tool, ...] = ()
    choice: ToolChoice = ToolChoice.AUTO
    name: str = ""
    is_parallel: bool = True
