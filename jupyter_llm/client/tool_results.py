"""What a tool has returned, as a turn of the conversation."""

from __future__ import annotations

from typing import Any

from jupyter_llm.errors import InvalidRequestError
from jupyter_llm.types import Message, ToolCall

MAX_RESULT_CHARS = 20_000
"""What a model is told of a result: more would fill its context."""


def tool_message(call: ToolCall, result: Any) -> Message:
    """The turn that tells the model what a call has returned: text as it is, the rest as JSON."""
    return Message(role="tool", content=_text(result), name=call.name, tool_call_id=call.id)


def error_message(call: ToolCall, error: Exception) -> Message:
    """The turn that tells the model why a call has failed."""
    reason = str(error) if isinstance(error, InvalidRequestError) else repr(error)
    return tool_message(call, f"Error: {reason}")


def _text(result: Any) -> str:
    if isinstance(result, str):
        return _cut(result)
    import msgspec

    try:
        return _cut(msgspec.json.encode(result, enc_hook=_as_builtin).decode())
    except (TypeError, ValueError, msgspec.MsgspecError):
        return _cut(str(result))


def _as_builtin(value: Any) -> Any:
    """What is not JSON by itself: pydantic's models and numpy's numbers and arrays."""
    for method in ("model_dump", "tolist"):
        if hasattr(value, method):
            return getattr(value, method)()
    return str(value)


def _cut(text: str) -> str:
    if len(text) <= MAX_RESULT_CHARS:
        return text
    return f"{text[:MAX_RESULT_CHARS]}… (cut: {MAX_RESULT_CHARS} of {len(text)} characters)"
