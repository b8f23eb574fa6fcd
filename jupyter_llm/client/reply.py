"""One whole reply of a model: from the deltas of a stream, or from the body of a completion."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from jupyter_llm.types import Message, Timings, ToolCall, ToolCallDelta, Usage

from .stream import ChatDelta, timings_of, usage_of


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """What a model has said in one turn, and what it took."""

    text: str
    reasoning: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    model: str = ""
    finish_reason: str | None = None
    usage: Usage | None = None
    timings: Timings | None = None
    is_cached: bool = field(default=False, compare=False)

    def delta(self) -> ChatDelta:
        """The whole reply in one delta."""
        calls = enumerate(self.tool_calls)
        return ChatDelta(
            text=self.text,
            reasoning=self.reasoning,
            tool_calls=tuple(
                ToolCallDelta(index=n, id=c.id, name=c.name, arguments=c.arguments)
                for n, c in calls
            ),
            model=self.model,
            finish_reason=self.finish_reason,
            usage=self.usage,
            timings=self.timings,
            is_cached=self.is_cached,
        )

    def message(self) -> Message:
        """The assistant's turn, to go on from."""
        return Message(
            role="assistant",
            content=self.text,
            reasoning=self.reasoning,
            tool_calls=self.tool_calls,
        )


class GrowingReply:
    """Puts the deltas of a stream together; `reply` may be asked at any time."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._reasonings: list[str] = []
        self._calls: dict[int, list[str]] = {}
        self._last: ChatDelta | None = None

    def add(self, delta: ChatDelta) -> None:
        """Take what has just arrived."""
        self._last = delta
        self._texts.append(delta.text)
        self._reasonings.append(delta.reasoning)
        for part in delta.tool_calls:
            call = self._calls.setdefault(part.index, ["", "", ""])
            for place, text in enumerate((part.id, part.name, part.arguments)):
                call[place] += text

    def reply(self) -> Reply:
        """What has come so far; it has a finish reason once it is whole."""
        last = self._last
        return Reply(
            text="".join(self._texts),
            reasoning="".join(self._reasonings),
            tool_calls=tuple(
                ToolCall(id=call_id, name=name, arguments=arguments)
                for _, (call_id, name, arguments) in sorted(self._calls.items())
            ),
            model=last.model if last else "",
            finish_reason=last.finish_reason if last else None,
            usage=last.usage if last else None,
            timings=last.timings if last else None,
            is_cached=last is not None and last.is_cached,
        )


def reply_from_body(body: dict[str, Any]) -> Reply:
    """The reply in a `chat.completion` object."""
    return _reply(body, body["choices"][0])


def replies_from_body(body: dict[str, Any]) -> list[Reply]:
    """All replies in a `chat.completion` object; tokens and times are those of all together."""
    choices = sorted(body["choices"], key=lambda choice: int(choice["index"]))
    return [_reply(body, choice) for choice in choices]


def _reply(body: dict[str, Any], choice: dict[str, Any]) -> Reply:
    message = choice["message"]
    return Reply(
        text=message.get("content") or "",
        reasoning=message.get("reasoning_content") or "",
        tool_calls=tuple(_call(call) for call in message.get("tool_calls") or ()),
        model=body.get("model") or "",
        finish_reason=choice.get("finish_reason"),
        usage=usage_of(body),
        timings=timings_of(body),
    )


def _call(fields: dict[str, Any]) -> ToolCall:
    function = fields["function"]
    return ToolCall(id=fields["id"], name=function["name"], arguments=function["arguments"])
