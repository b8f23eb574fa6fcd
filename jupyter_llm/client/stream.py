"""A streamed chat completion, from events to the pieces of an answer."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jupyter_llm.errors import LLMError
from jupyter_llm.types import Timings, ToolCallDelta, Usage

from .failures import error_from_body

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


@dataclass(frozen=True, kw_only=True, slots=True)
class ChatDelta:
    """What an answer has just gained; the last delta alone has the three ends."""

    text: str
    reasoning: str = ""
    tool_calls: tuple[ToolCallDelta, ...] = ()
    model: str = ""
    finish_reason: str | None = None
    usage: Usage | None = None
    timings: Timings | None = None
    is_cached: bool = False


class DeltaReader:
    """Takes the events of `/v1/chat/completions` as they come, and gives deltas.

    Finish reason and usage arrive in different events; they are held back and
    leave together as the last delta.
    """

    def __init__(self) -> None:
        self.is_done = False
        self._model = ""
        self._finish_reason: str | None = None
        self._usage: Usage | None = None
        self._timings: Timings | None = None

    def take(self, data: str) -> Iterator[ChatDelta]:
        """The deltas of one event.

        Raises:
            LLMError: The server reported an error, or sent what is no event of a chat.
        """
        if data == "[DONE]":
            self.is_done = True
            yield self._last()
            return
        chunk = _parsed(data)
        self._model = chunk.get("model") or self._model
        self._usage = usage_of(chunk) or self._usage
        self._timings = timings_of(chunk) or self._timings
        for choice in chunk.get("choices", ()):
            self._finish_reason = choice.get("finish_reason") or self._finish_reason
            delta = _delta(choice.get("delta") or {}, self._model)
            if delta.text or delta.reasoning or delta.tool_calls:
                yield delta

    def check_end(self) -> None:
        """See to it that the stream had its end.

        Raises:
            LLMError: It broke off.
        """
        if not self.is_done:
            raise LLMError("The answer broke off: the server closed the stream before its end.")

    def _last(self) -> ChatDelta:
        return ChatDelta(
            text="",
            model=self._model,
            finish_reason=self._finish_reason,
            usage=self._usage,
            timings=self._timings,
        )


def deltas(events: Iterable[str]) -> Iterator[ChatDelta]:
    """The deltas of all events.

    Raises:
        LLMError: The server reported an error, or the stream broke off.
    """
    reader = DeltaReader()
    for data in events:
        yield from reader.take(data)
        if reader.is_done:
            return
    reader.check_end()


def _delta(fields: dict[str, Any], model: str) -> ChatDelta:
    return ChatDelta(
        text=fields.get("content") or "",
        reasoning=fields.get("reasoning_content") or "",
        tool_calls=tuple(_call(call) for call in fields.get("tool_calls") or ()),
        model=model,
    )


def _call(fields: dict[str, Any]) -> ToolCallDelta:
    function = fields.get("function") or {}
    return ToolCallDelta(
        index=fields["index"],
        id=fields.get("id") or "",
        name=function.get("name") or "",
        arguments=function.get("arguments") or "",
    )


def _parsed(data: str) -> dict[str, Any]:
    try:
        chunk: dict[str, Any] = json.loads(data)
    except ValueError as exc:
        raise LLMError(f"The server sent an event that is not JSON: {data[:200]!r}") from exc
    if "error" in chunk:
        raise error_from_body(chunk)
    return chunk


def usage_of(body: dict[str, Any]) -> Usage | None:
    """The tokens of a completion or an event of one, where it says them."""
    found = body.get("usage")
    if not found:
        return None
    prompt = found.get("prompt_tokens_details") or {}
    completion = found.get("completion_tokens_details") or {}
    return Usage(
        prompt_tokens=found["prompt_tokens"],
        completion_tokens=found.get("completion_tokens") or 0,
        cached_tokens=prompt.get("cached_tokens") or 0,
        reasoning_tokens=completion.get("reasoning_tokens") or 0,
    )


def timings_of(body: dict[str, Any]) -> Timings | None:
    """Where the time went, where a completion or an event of one says it."""
    found = body.get("timings")
    if not found:
        return None
    return Timings(
        queue_s=found.get("queue_s", 0.0),
        prefill_s=found.get("prefill_s", 0.0),
        decode_s=found.get("decode_s", 0.0),
    )
