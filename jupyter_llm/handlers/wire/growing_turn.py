"""One turn of a conversation while a request is read."""

from __future__ import annotations

from dataclasses import dataclass, field

from jupyter_llm.types import Message, ToolCall


@dataclass(kw_only=True, slots=True)
class GrowingTurn:
    """The parts of a turn, joined once and at its end: there may be thousands of them.

    `between` stands between texts that are not empty.
    """

    role: str
    between: str = "\n"
    texts: list[str] = field(default_factory=list)
    thoughts: list[str] = field(default_factory=list)
    calls: list[ToolCall] = field(default_factory=list)
    name: str | None = None
    call_id: str = ""

    def message(self) -> Message:
        """The whole turn."""
        return Message(
            role=self.role,
            content=self.between.join(filter(None, self.texts)),
            reasoning="\n".join(filter(None, self.thoughts)),
            tool_calls=tuple(self.calls),
            name=self.name,
            tool_call_id=self.call_id,
        )
