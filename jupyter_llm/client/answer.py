"""An answer as Python has it: text, value, what it took, and how a notebook shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jupyter_llm.types import Message, Timings, ToolCall, Usage

if TYPE_CHECKING:
    from collections.abc import Iterable

_SHORT = 60


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Answer:
    """What a model has answered.

    `value` is of the type that was asked for, else `None`. `turns` are those that came with
    the answer: calls of tools, their results, the answer itself; after the turns of the
    question they go on with the conversation. `tool_calls` are those that nobody has
    answered. `usage` and `timings` are of all rounds together. `finish_reason` is `stop`,
    `length` where `max_tokens` cut it, `tool_calls`, or `None` where it was stopped.
    """

    text: str
    value: Any = None
    reasoning: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    turns: tuple[Message, ...] = ()
    model: str = ""
    finish_reason: str | None = None
    usage: Usage | None = None
    timings: Timings | None = None
    is_cached: bool = False

    @property
    def tokens_per_s(self) -> float | None:
        """The pace after the first token, by the server's clock."""
        if not self.usage or not self.timings or self.timings.decode_s <= 0:
            return None
        num_timed = self.usage.completion_tokens - 1
        return num_timed / self.timings.decode_s if num_timed > 0 else None

    def status(self) -> str:
        """One line: model, tokens, pace, why it ended."""
        parts = [self.model]
        if self.usage:
            parts.append(f"{self.usage.completion_tokens} tokens")
        if self.is_cached:
            parts.append("from the cache")
        elif self.tokens_per_s is not None:
            parts.append(f"{self.tokens_per_s:.3g} tokens/s")
        return " · ".join([*filter(None, parts), self.finish_reason or "stopped"])

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        shown = self.text if len(self.text) <= _SHORT else f"{self.text[:_SHORT]}…"
        said = repr(shown) if self.value is None else f"value={self.value!r}"
        calls = [f"{call.name}({call.arguments})" for call in self.tool_calls]
        return f"<Answer {' '.join([said, *calls])} · {self.status()}>"

    def _repr_markdown_(self) -> str:
        """What a notebook shows: the text, or the value as JSON, with the status below."""
        text = self.text if self.value is None else f"```json\n{self.text}\n```"
        calls = [f"`{call.name}({call.arguments})`" for call in self.tool_calls]
        muted = f'<small style="opacity: 0.6">{self.status()}</small>'
        return "\n\n".join(part for part in (text, *calls, muted) if part)


def total_usage(usages: Iterable[Usage | None]) -> Usage | None:
    """The tokens of several rounds; `None` where no round says any."""
    known = [usage for usage in usages if usage]
    if not known:
        return None
    return Usage(
        prompt_tokens=sum(usage.prompt_tokens for usage in known),
        completion_tokens=sum(usage.completion_tokens for usage in known),
        cached_tokens=sum(usage.cached_tokens for usage in known),
        reasoning_tokens=sum(usage.reasoning_tokens for usage in known),
    )


def total_timings(timings: Iterable[Timings | None]) -> Timings | None:
    """The times of several rounds; `None` where no round says any."""
    known = [timing for timing in timings if timing]
    if not known:
        return None
    return Timings(
        queue_s=sum(timing.queue_s for timing in known),
        prefill_s=sum(timing.prefill_s for timing in known),
        decode_s=sum(timing.decode_s for timing in known),
    )
