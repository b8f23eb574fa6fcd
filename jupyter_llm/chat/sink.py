"""What a parser finds in an answer: text, reasoning and tool calls."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from jupyter_llm.types import ToolCallDelta


@dataclass(frozen=True, kw_only=True, slots=True)
class Delta:
    """What an answer has gained."""

    text: str = ""
    reasoning: str = ""
    tool_calls: tuple[ToolCallDelta, ...] = ()


def new_call_id() -> str:
    """An id in OpenAI's form."""
    return f"call_{secrets.token_hex(12)}"


class Sink:
    """Collects what a parser finds until it is handed out.

    White space around reasoning and around calls belongs to the format and not to what is
    said; so the end of a text waits until it is known what follows.
    """

    def __init__(self, make_id: Callable[[], str] = new_call_id) -> None:
        self.num_calls = 0
        self.num_calls_closed = 0
        self.is_reasoning = False
        self._make_id = make_id
        self._text = _Trimmed()
        self._reasoning = _Trimmed()
        self._reasoning.after_border()
        self._calls: list[ToolCallDelta] = []

    def text(self, text: str) -> None:
        """A part of the answer."""
        self._text.add(text)

    def reasoning(self, text: str) -> None:
        """A part of the reasoning."""
        self._reasoning.add(text)

    def begin_reasoning(self) -> None:
        """The model thinks, from here on."""
        self.is_reasoning = True
        self._text.before_border()

    def end_reasoning(self) -> None:
        """The model has thought; white space that follows is not part of its answer."""
        self.is_reasoning = False
        self._reasoning.after_border()
        self._text.after_border()

    def begin_call(self, name: str, call_id: str = "") -> None:
        """A call; `call_id` where the model has given it one."""
        self._text.before_border()
        self._calls.append(
            ToolCallDelta(index=self.num_calls, id=call_id or self._make_id(), name=name)
        )
        self.num_calls += 1

    def arguments(self, text: str) -> None:
        """A part of the last call's arguments."""
        self._calls.append(ToolCallDelta(index=self.num_calls - 1, arguments=text))

    def end_call(self) -> None:
        """The last call is complete."""
        self.num_calls_closed = self.num_calls
        self._text.after_border()

    def flush(self) -> None:
        """No more comes: what waits belongs to the answer."""
        self._text.flush()
        self._reasoning.flush()

    def take(self) -> Delta | None:
        """Hand out what has come, if anything has."""
        text, reasoning = self._text.take(), self._reasoning.take()
        calls, self._calls = _joined(self._calls), []
        if text or reasoning or calls:
            return Delta(text=text, reasoning=reasoning, tool_calls=calls)
        return None


class _Trimmed:
    """Text without the white space at its borders; a blank line parts what they part."""

    def __init__(self) -> None:
        self._ready = ""
        self._waiting = ""
        self._is_at_border = False
        self._is_empty = True

    def add(self, text: str) -> None:
        if self._is_at_border:
            text = text.lstrip()
            if not text:
                return
            self._is_at_border = False
            self._waiting = "" if self._is_empty else "\n\n"
        whole = self._waiting + text
        body = whole.rstrip()
        self._ready += body
        self._waiting = whole[len(body) :]
        self._is_empty = self._is_empty and not body

    def before_border(self) -> None:
        self._waiting = ""

    def after_border(self) -> None:
        self._waiting = ""
        self._is_at_border = True

    def flush(self) -> None:
        self._ready, self._waiting = self._ready + self._waiting, ""

    def take(self) -> str:
        ready, self._ready = self._ready, ""
        return ready


def _joined(deltas: list[ToolCallDelta]) -> tuple[ToolCallDelta, ...]:
    """The same deltas, those of one call made into one."""
    joined: list[ToolCallDelta] = []
    for delta in deltas:
        if joined and joined[-1].index == delta.index:
            last = joined.pop()
            delta = ToolCallDelta(  # noqa: PLW2901 - grows until another call begins
                index=last.index,
                id=last.id,
                name=last.name,
                arguments=last.arguments + delta.arguments,
            )
        joined.append(delta)
    return tuple(joined)
