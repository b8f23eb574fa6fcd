"""The `/api/` routes of a plain text server: bodies as OpenAI's, answers with less around them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec

from jupyter_llm.errors import InvalidRequestError
from jupyter_llm.types import FinishReason

from .call import Call
from .reply import Reply, extras_of
from .sse import event

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jupyter_llm.types import TokenChunk, Usage


def plain_call(call: Call, *, stream: bool) -> Call:
    """A call as OpenAI's routes know it, if it asks for what these answers can hold.

    Raises:
        InvalidRequestError: It asks for more; `param` names the field.
    """
    wants = {
        "n": call.n > 1 or call.best_of > 1,
        "prompt": bool(call.more),
        "tools": bool(call.request.toolbox.tools),
        "logprobs": call.request.sampling.num_top_logprobs is not None,
        "resumable": call.resumable,
    }
    for param, is_wanted in wants.items():
        if is_wanted:
            raise InvalidRequestError(
                f"'{param}' asks for what this route has no place for. Use the routes under /v1.",
                param=param,
            )
    if call.stream and not stream:
        raise InvalidRequestError(
            "This route does not stream. Add /stream to its path, or leave 'stream' out.",
            param="stream",
        )
    return Call(request=call.request, stream=stream, include_usage=True)


class PlainReply(Reply):
    """`{id, model, created, text, finish_reason, usage}`; an event has what is new alone."""

    def __init__(self, *, request_id: str, model: str, created: int, **_frame: Any) -> None:
        self._frame: dict[str, Any] = {"id": request_id, "model": model, "created": created}

    def events(self, chunk: TokenChunk) -> bytes:
        """Text as it comes; the last event has finish reason and usage, too."""
        if not (chunk.text or chunk.reasoning or chunk.finish_reason):
            return b""
        body = {**self._frame, **self.said(chunk.text, chunk.reasoning)}
        if chunk.finish_reason:
            body |= _ends(chunk)
        # escaped to ASCII: some clients split lines at U+2028 and U+0085 too
        return event(json.dumps(body, separators=(",", ":")).encode())

    def whole(self, chunks: Sequence[TokenChunk]) -> bytes:
        """The complete answer."""
        text = "".join(chunk.text for chunk in chunks)
        reasoning = "".join(chunk.reasoning for chunk in chunks)
        return msgspec.json.encode(
            {**self._frame, **self.said(text, reasoning), **_ends(chunks[-1])}
        )

    def said(self, text: str, reasoning: str) -> dict[str, Any]:
        """Where the text stands in an answer or an event."""
        return {"text": text, **_thought(reasoning)}


class PlainChatReply(PlainReply):
    """The same with the text as a `message`."""

    def said(self, text: str, reasoning: str) -> dict[str, Any]:
        """Where the text stands in an answer or an event."""
        return {"message": {"role": "assistant", "content": text, **_thought(reasoning)}}


def usage_body(usage: Usage) -> dict[str, int]:
    """OpenAI's names for what was read and written."""
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
    }


def _thought(reasoning: str) -> dict[str, str]:
    return {"reasoning_content": reasoning} if reasoning else {}


def _ends(last: TokenChunk) -> dict[str, Any]:
    usage = {"usage": usage_body(last.usage)} if last.usage else {}
    reason = last.finish_reason or FinishReason.STOP
    return {"finish_reason": reason.value, **usage, **extras_of(last)}
