"""Turns of a conversation as OpenAI's routes take them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jupyter_llm.types import Message

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jupyter_llm.types import ToolCall


def message_body(message: Message | Mapping[str, Any]) -> dict[str, Any]:
    """The turn with the fields that it has; a mapping is taken for one already."""
    if not isinstance(message, Message):
        return {name: value for name, value in message.items() if value is not None}
    others = {
        "name": message.name,
        "reasoning_content": message.reasoning,
        "tool_calls": [_call(call) for call in message.tool_calls],
        "tool_call_id": message.tool_call_id,
    }
    return {
        "role": message.role,
        "content": message.content,
        **{name: value for name, value in others.items() if value},
    }


def _call(call: ToolCall) -> dict[str, Any]:
    function = {"name": call.name, "arguments": call.arguments}
    return {"id": call.id, "type": "function", "function": function}
