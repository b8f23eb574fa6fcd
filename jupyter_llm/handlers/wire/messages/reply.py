"""Answers of `POST /v1/messages`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from jupyter_llm.handlers.wire.reply import Reply
from jupyter_llm.handlers.wire.sse import named_event
from jupyter_llm.types import FinishReason, Usage

from .errors import anthropic_error

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from jupyter_llm.types import TokenChunk, ToolCallDelta

_NOTHING = Usage(prompt_tokens=0, completion_tokens=0)
_STOP_REASONS = {
    FinishReason.STOP: "end_turn",
    FinishReason.LENGTH: "max_tokens",
    FinishReason.TOOL_CALLS: "tool_use",
}


class MessagesReply(Reply):
    """One message: blocks that begin, grow and end, one after another."""

    # a stream of this API ends with `message_stop`
    ending = b""

    def __init__(self, *, request_id: str, model: str, **_: Any) -> None:
        # this API tells no time, and always the usage
        self._id = request_id
        self._model = model
        self._has_begun = False
        self._blocks: list[dict[str, Any]] = []
        self._call: int | None = None
        self._is_open = False

    def events(self, chunk: TokenChunk) -> bytes:
        """Whatever began, grew and ended with this chunk."""
        return b"".join(_event(event) for event in self._all_events(chunk))

    def whole(self, chunks: Sequence[TokenChunk]) -> bytes:
        """The `message` object."""
        for chunk in chunks:
            for _ in self._grow(chunk):
                pass
        last = chunks[-1]
        content = [_finished(block) for block in self._blocks]
        usage = _usage(last.usage or _NOTHING)
        return _dump({**self._message(content), **_ends(last), "usage": usage})

    def failure(self, error: bytes) -> bytes:
        """The error, as the last event."""
        return _event(anthropic_error(None, error))

    def _all_events(self, chunk: TokenChunk) -> Iterator[dict[str, Any]]:
        if not self._has_begun:
            self._has_begun = True
            # how long the prompt is, the last chunk tells; message_delta repeats all figures
            message = {**self._message([]), **_UNENDED, "usage": _usage(_NOTHING)}
            yield {"type": "message_start", "message": message}
            yield {"type": "ping"}
        yield from self._grow(chunk)
        if chunk.finish_reason:
            yield from self._stop()
            usage = _usage(chunk.usage or _NOTHING)
            yield {"type": "message_delta", "delta": _ends(chunk), "usage": usage}
            yield {"type": "message_stop"}

    def _grow(self, chunk: TokenChunk) -> Iterator[dict[str, Any]]:
        if chunk.reasoning:
            yield from self._turn_to({"type": "thinking", "thinking": "", "signature": ""})
            yield self._gain("thinking_delta", "thinking", chunk.reasoning)
        if chunk.text:
            yield from self._turn_to({"type": "text", "text": ""})
            yield self._gain("text_delta", "text", chunk.text)
        for delta in chunk.tool_calls:
            yield from self._turn_to_call(delta)
            if delta.arguments:
                self._blocks[-1]["input"] += delta.arguments
                yield self._delta("input_json_delta", "partial_json", delta.arguments)

    def _turn_to(self, block: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Go on with a block of this type, a new one if another was growing."""
        if self._is_open and self._blocks[-1]["type"] == block["type"]:
            return
        yield from self._start(block, dict(block))

    def _turn_to_call(self, delta: ToolCallDelta) -> Iterator[dict[str, Any]]:
        is_growing = self._is_open and self._blocks[-1]["type"] == "tool_use"
        if is_growing and self._call == delta.index:
            return
        self._call = delta.index
        block = {"type": "tool_use", "id": delta.id, "name": delta.name}
        yield from self._start({**block, "input": ""}, {**block, "input": {}})

    def _start(self, block: dict[str, Any], shown: dict[str, Any]) -> Iterator[dict[str, Any]]:
        yield from self._stop()
        self._blocks.append(block)
        self._is_open = True
        yield {"type": "content_block_start", "index": self._index, "content_block": shown}

    def _stop(self) -> Iterator[dict[str, Any]]:
        if not self._is_open:
            return
        self._is_open = False
        if self._blocks[-1]["type"] == "thinking":
            # clients send a thinking block back with the signature that it came with
            yield self._delta("signature_delta", "signature", "")
        yield {"type": "content_block_stop", "index": self._index}

    def _gain(self, kind: str, field: str, text: str) -> dict[str, Any]:
        self._blocks[-1][field] += text
        return self._delta(kind, field, text)

    def _delta(self, kind: str, field: str, text: str) -> dict[str, Any]:
        delta = {"type": kind, field: text}
        return {"type": "content_block_delta", "index": self._index, "delta": delta}

    @property
    def _index(self) -> int:
        return len(self._blocks) - 1

    def _message(self, content: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            "id": self._id,
            "type": "message",
            "role": "assistant",
            "model": self._model,
            "content": content,
        }


_UNENDED: dict[str, Any] = {"stop_reason": None, "stop_sequence": None}


def _ends(last: TokenChunk) -> dict[str, Any]:
    reason = _STOP_REASONS[last.finish_reason or FinishReason.STOP]
    if reason == "end_turn" and last.stop is not None:
        reason = "stop_sequence"
    return {"stop_reason": reason, "stop_sequence": last.stop}


def _finished(block: dict[str, Any]) -> dict[str, Any]:
    """A block as it is told in whole: the input of a tool as JSON.

    What was cut off in the middle is none; it comes as Anthropic tells clients to wrap it.
    """
    if block["type"] != "tool_use":
        return block
    try:
        value = json.loads(block["input"] or "{}")
    except ValueError:
        value = None
    return {
        **block,
        "input": value if isinstance(value, dict) else {"INVALID_JSON": block["input"]},
    }


def _usage(usage: Usage) -> dict[str, Any]:
    """Anthropic's figures: what was read from the cache is not part of the input."""
    return {
        "input_tokens": usage.prompt_tokens - usage.cached_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": usage.cached_tokens,
        "output_tokens": usage.completion_tokens,
        "output_tokens_details": {"thinking_tokens": usage.reasoning_tokens},
    }


def _event(body: dict[str, Any]) -> bytes:
    return named_event(body["type"], _dump(body))


def _dump(body: dict[str, Any]) -> bytes:
    """JSON on one line, escaped to ASCII: some clients split lines at U+2028, too."""
    return json.dumps(body, separators=(",", ":")).encode()
