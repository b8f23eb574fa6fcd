"""Turns of a conversation as chat templates expect them, and as plain text for those that do not.

https://huggingface.co/docs/transformers/main/en/chat_extras
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from jupyter_llm.errors import InvalidRequestError
from jupyter_llm.types import Message, Tool

_SHORT_ID = 9

_HOW_TO = """\
You may call functions. Those that there are, as JSON within <tools></tools>:
<tools>
{tools}
</tools>

To call one, answer with its name and its arguments as JSON within <tool_call></tool_call>:
<tool_call>
{{"name": "NAME", "arguments": {{"KEY": "VALUE"}}}}
</tool_call>
The result then comes within <tool_response></tool_response>."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CallStyle:
    """How a template wants the turns of an assistant that called tools."""

    has_text_arguments: bool = False
    has_null_content: bool = True
    has_short_ids: bool = False


def call_arguments(text: str, param: str) -> dict[str, Any]:
    """The arguments of a call of the past.

    Raises:
        InvalidRequestError: They are not a JSON object.
    """
    try:
        value = json.loads(text or "{}", parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise InvalidRequestError(
            f"'{param}' is not valid JSON: {error}. Send the arguments as the model wrote them, "
            "or leave this call out.",
            param=param,
        ) from error
    if not isinstance(value, dict):
        raise InvalidRequestError(
            f"'{param}' is JSON, but not an object. Send the arguments by their names.",
            param=param,
        )
    return value


def tool_dict(tool: Tool) -> dict[str, Any]:
    """A tool in OpenAI's form, which is that of the templates."""
    return {
        "type": "function",
        "function": {
            "name": tool.name,
            "description": tool.description,
            "parameters": json.loads(tool.parameters),
        },
    }


def turn_dict(message: Message, index: int, style: CallStyle) -> dict[str, Any]:
    """A turn as templates expect it; `index` is its place in the request."""
    turn: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.name is not None:
        turn["name"] = message.name
    if message.tool_call_id:
        turn["tool_call_id"] = _id(message.tool_call_id, style)
    if message.reasoning:
        turn["reasoning_content"] = message.reasoning
    if message.tool_calls:
        turn["tool_calls"] = list(_calls(message, index, style))
        if not message.content:
            turn["content"] = None if style.has_null_content else ""
            turn |= {"thinking": message.reasoning} if message.reasoning else {}
    return turn


def in_parts(turn: Mapping[str, Any]) -> Mapping[str, Any]:
    """A turn whose text is the only part of a list."""
    text = turn.get("content")
    return {**turn, "content": [{"type": "text", "text": text}]} if text else turn


def with_tools_told(messages: Sequence[Message], tools: Sequence[Tool]) -> list[Message]:
    """The tools in the system's turn, for a template that has no place for them."""
    lines = "\n".join(json.dumps(tool_dict(tool), ensure_ascii=False) for tool in tools)
    text = _HOW_TO.format(tools=lines)
    if messages and messages[0].role == "system":
        first = messages[0]
        return [replace(first, content=f"{first.content}\n\n{text}"), *messages[1:]]
    return [Message(role="system", content=text), *messages]


def with_calls_told(messages: Sequence[Message]) -> list[Message]:
    """Calls and their results as text, for a template that knows neither.

    Results of one turn's calls stand in one turn: many templates want the roles to alternate.
    """
    told: list[Message] = []
    for is_result, turns in groupby(enumerate(messages), lambda turn: turn[1].role == "tool"):
        if is_result:
            results = (f"<tool_response>\n{turn.content}\n</tool_response>" for _, turn in turns)
            told.append(Message(role="user", content="\n".join(results)))
        else:
            told += [_told_calls(turn, at) if turn.tool_calls else turn for at, turn in turns]
    return told


def _calls(message: Message, index: int, style: CallStyle) -> Iterator[dict[str, Any]]:
    for place, call in enumerate(message.tool_calls):
        arguments = call_arguments(call.arguments, _param(index, place))
        as_text = json.dumps(arguments, ensure_ascii=False)
        yield {
            "id": _id(call.id, style),
            "type": "function",
            "function": {
                "name": call.name,
                "arguments": as_text if style.has_text_arguments else arguments,
            },
        }


def _told_calls(message: Message, index: int) -> Message:
    parts = [message.content] if message.content else []
    for place, call in enumerate(message.tool_calls):
        arguments = call_arguments(call.arguments, _param(index, place))
        said = json.dumps({"name": call.name, "arguments": arguments}, ensure_ascii=False)
        parts.append(f"<tool_call>\n{said}\n</tool_call>")
    return replace(message, content="\n".join(parts), tool_calls=())


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def _param(index: int, place: int) -> str:
    return f"messages[{index}].tool_calls[{place}].function.arguments"


def _id(call_id: str, style: CallStyle) -> str:
    """The id, or nine letters and digits that stand for it wherever it occurs."""
    fits = len(call_id) == _SHORT_ID and call_id.isascii() and call_id.isalnum()
    if not style.has_short_ids or fits:
        return call_id
    return hashlib.sha256(call_id.encode("utf-8", "replace")).hexdigest()[:_SHORT_ID]
