"""What the answers of all text routes have in common."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from jupyter_llm.types import FinishReason, Timings, TokenChunk, Usage

from .sse import DONE, event

if TYPE_CHECKING:
    from collections.abc import Sequence

    from openai.types import CompletionUsage
    from pydantic import BaseModel

# JSON has no infinity; OpenAI writes an impossible token like this
LOWEST_LOGPROB = -9999.0

# where a template's text goes; no model has this name
PLACEHOLDER = "\0"


class Reply(ABC):
    """Shapes the answer to one request, as a stream of events or as a whole.

    Built with the `openai` package's response types: import those in a thread
    first (`load_response_types`), for it takes the better part of a second. A stream of
    events ends with `ending`. One that `is_ready` has its answers as they are to be sent: however
    long they are, it takes no thread to shape them.
    """

    ending = DONE
    is_ready = False

    @abstractmethod
    def events(self, chunk: TokenChunk) -> bytes:
        """The SSE events for one chunk, none (`b""`) if it shows nothing yet."""

    @abstractmethod
    def whole(self, chunks: Sequence[TokenChunk]) -> bytes:
        """The complete answer as JSON."""

    def failure(self, error: bytes) -> bytes:
        """The last events of a stream that fails; `error` is the body of a failed request."""
        return event(error)


def load_response_types() -> None:
    """Import `openai`'s response types and build their validators.

    Blocks for about 0.7 s the first time: call it in a thread.
    """
    from . import chat_reply, completion_reply
    from .responses.warm import load_responses_types

    last = TokenChunk(
        text="",
        finish_reason=FinishReason.STOP,
        usage=Usage(prompt_tokens=0, completion_tokens=0),
        timings=Timings(),
    )
    for kind in (chat_reply.ChatReply, completion_reply.CompletionReply):
        reply = kind(request_id="", model="", created=0, include_usage=True)
        reply.events(last)
        reply.whole([last])
    load_responses_types(last)


def usage_of(usage: Usage) -> CompletionUsage:
    """OpenAI's usage figures."""
    from openai.types.completion_usage import (
        CompletionTokensDetails,
        CompletionUsage,
        PromptTokensDetails,
    )

    return CompletionUsage(
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens,
        total_tokens=usage.prompt_tokens + usage.completion_tokens,
        prompt_tokens_details=PromptTokensDetails(cached_tokens=usage.cached_tokens),
        completion_tokens_details=CompletionTokensDetails(reasoning_tokens=usage.reasoning_tokens),
    )


def timings_of(timings: Timings, usage: Usage) -> dict[str, float]:
    """Seconds and rates; the first token belongs to prefill, the others to decode."""
    computed = usage.prompt_tokens - usage.cached_tokens
    return {
        "queue_s": timings.queue_s,
        "prefill_s": timings.prefill_s,
        "decode_s": timings.decode_s,
        "prompt_tokens_per_s": _rate(computed, timings.prefill_s),
        "tokens_per_s": _rate(usage.completion_tokens - 1, timings.decode_s),
    }


def _rate(count: int, seconds: float) -> float:
    return round(max(count, 0) / seconds, 2) if seconds > 0 else 0.0


def extras_of(chunk: TokenChunk) -> dict[str, Any]:
    """The fields beside OpenAI's own that the very last chunk brings."""
    if chunk.timings is None or chunk.usage is None:
        return {}
    return {"timings": timings_of(chunk.timings, chunk.usage)}


def by_index(chunks: Sequence[TokenChunk]) -> list[tuple[int, list[TokenChunk]]]:
    """The chunks of each of several answers, by the answers' numbers."""
    answers: dict[int, list[TokenChunk]] = {}
    for chunk in chunks:
        answers.setdefault(chunk.index, []).append(chunk)
    return sorted(answers.items())


def finite(logprob: float | None) -> float:
    """The log-probability of a token that has one, in a form that JSON can carry."""
    return LOWEST_LOGPROB if logprob is None else max(logprob, LOWEST_LOGPROB)


def dump(part: BaseModel) -> bytes:
    """A part of a stream as JSON on one line.

    Escaped to ASCII: some clients split lines at U+2028 and U+0085 too.
    """
    return json.dumps(
        part.model_dump(mode="json", exclude_unset=True, warnings=False), separators=(",", ":")
    ).encode()


class Template:
    """An SSE event that is the same for every chunk but for the text.

    A response type is dumped once, with `PLACEHOLDER` as its text; each chunk
    then costs one string encoding and a join instead of a validation.
    """

    def __init__(self, dumped: bytes) -> None:
        self._head, self._tail = event(dumped).split(json.dumps(PLACEHOLDER).encode())

    def event(self, text: str) -> bytes:
        """The event with `text` in its place."""
        return self._head + json.dumps(text).encode() + self._tail
