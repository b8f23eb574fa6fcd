"""Tool calls in answers of chat completions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from openai.types.chat.chat_completion_chunk import (
    ChoiceDelta,
    ChoiceDeltaToolCall,
    ChoiceDeltaToolCallFunction,
)
from openai.types.chat.chat_completion_message_function_tool_call import (
    ChatCompletionMessageFunctionToolCall,
    Function,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jupyter_llm.types import TokenChunk, ToolCallDelta


def delta_of_calls(deltas: Sequence[ToolCallDelta]) -> ChoiceDelta:
    """What calls have gained; the first part of each has its id and name."""
    return ChoiceDelta(tool_calls=[_delta(delta) for delta in deltas])


def calls_of(chunks: Sequence[TokenChunk]) -> list[ChatCompletionMessageFunctionToolCall]:
    """The calls of a whole answer."""
    calls: list[ChatCompletionMessageFunctionToolCall] = []
    arguments: list[list[str]] = []
    for delta in (delta for chunk in chunks for delta in chunk.tool_calls):
        if delta.id:
            function = Function(name=delta.name, arguments="")
            calls.append(
                ChatCompletionMessageFunctionToolCall(
                    id=delta.id, type="function", function=function
                )
            )
            arguments.append([])
        arguments[delta.index].append(delta.arguments)
    for call, parts in zip(calls, arguments, strict=True):
        call.function.arguments = "".join(parts)
    return calls


def _delta(delta: ToolCallDelta) -> ChoiceDeltaToolCall:
    if not delta.id:
        return ChoiceDeltaToolCall(
            index=delta.index, function=ChoiceDeltaToolCallFunction(arguments=delta.arguments)
        )
    return ChoiceDeltaToolCall(
        index=delta.index,
        id=delta.id,
        type="function",
        function=ChoiceDeltaToolCallFunction(name=delta.name, arguments=delta.arguments),
    )
