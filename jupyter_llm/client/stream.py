"""A streamed chat completion, from events to the pieces of an answer."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jupyter_llm.errors import LLMError
from jupyter_llm.types import Timings, Usage

from .failures import error_from_body

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


@dataclass(frozen=True, kw_only=True, slots=True)
class ChatDelta:
    """Text that an answer has just gained; the last delta alone has the three ends."""

    text: str
    model: str = ""
    finish_reason: str | None = None
    usage: Usage | None = None
    timings: Timings | None = None


def deltas(events: Iterable[str]) -> Iterator[ChatDelta]:
    """Turn the events of `/v1/chat/completions` into deltas.

    Finish reason and usage arrive in different events; they are held back and
    leave together as the last delta.

    Raises:
        LLMError: The server reported an error, or the stream broke off.
    """
    model, finish_reason = "", None
    usage: Usage | None = None
    timings: Timings | None = None
    for data in events:
        if data == "[DONE]":
            yield ChatDelta(
                text="", model=model, finish_reason=finish_reason, usage=usage, timings=timings
            )
            return
        chunk = _parsed(data)
        model = chunk.get("model") or model
        usage = _usage(chunk) or usage
        timings = _timings(chunk) or timings
        for choice in chunk.get("choices", ()):
            finish_reason = choice.get("finish_reason") or finish_reason
            text = choice.get("delta", {}).get("content")
            if text:
                yield ChatDelta(text=text, model=model)
    raise LLMError("The answer broke off: the server closed the stream before its end.")


def _parsed(data: str) -> dict[str, Any]:
    try:
        chunk: dict[str, Any] = json.loads(data)
    except ValueError as exc:
        raise LLMError(f"The server sent an event that is not JSON: {data[:200]!r}") from exc
    if "error" in chunk:
        raise error_from_body(chunk)
    return chunk


def _usage(chunk: dict[str, Any]) -> Usage | None:
    found = chunk.get("usage")
    if not found:
        return None
    details = found.get("prompt_tokens_details") or {}
    return Usage(
        prompt_tokens=found["prompt_tokens"],
        completion_tokens=found["completion_tokens"],
        cached_tokens=details.get("cached_tokens") or 0,
    )


def _timings(chunk: dict[str, Any]) -> Timings | None:
    found = chunk.get("timings")
    if not found:
        return None
    return Timings(
        queue_s=found.get("queue_s", 0.0),
        prefill_s=found.get("prefill_s", 0.0),
        decode_s=found.get("decode_s", 0.0),
    )
