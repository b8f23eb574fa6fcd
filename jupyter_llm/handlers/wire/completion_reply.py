"""Answers of `POST /v1/completions`."""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING, Any

from openai.types import Completion, CompletionChoice
from openai.types.completion_choice import Logprobs

from jupyter_llm.types import FinishReason

from .reply import PLACEHOLDER, Reply, Template, dump, extras_of, finite, usage_of
from .sse import event

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jupyter_llm.types import TokenAlternative, TokenChunk, TokenLogprob


class CompletionReply(Reply):
    """The text that follows a prompt."""

    def __init__(self, *, request_id: str, model: str, created: int, include_usage: bool) -> None:
        self._frame: dict[str, Any] = {
            "id": request_id,
            "created": created,
            "model": model,
            "object": "text_completion",
        }
        self._include_usage = include_usage
        self._offsets = _Offsets()
        self._text = Template(self._part(text=PLACEHOLDER))

    def events(self, chunk: TokenChunk) -> bytes:
        """Text, finish reason, usage: each in an event of its own."""
        parts = []
        if chunk.logprobs:
            part = self._part(text=chunk.text, logprobs=self._logprobs(chunk.logprobs))
            parts.append(event(part))
        elif chunk.text:
            parts.append(self._text.event(chunk.text))
        if chunk.finish_reason:
            parts.append(self._last(chunk))
        return b"".join(parts)

    def whole(self, chunks: Sequence[TokenChunk]) -> bytes:
        """The `text_completion` object."""
        last = chunks[-1]
        logprobs = [logprob for chunk in chunks for logprob in chunk.logprobs]
        completion = Completion(
            **self._frame,
            choices=[
                CompletionChoice(
                    index=0,
                    text="".join(chunk.text for chunk in chunks),
                    logprobs=self._logprobs(logprobs) if logprobs else None,
                    finish_reason="length" if last.finish_reason is FinishReason.LENGTH else "stop",
                )
            ],
            usage=usage_of(last.usage) if last.usage else None,
            **extras_of(last),
        )
        return completion.model_dump_json(exclude_unset=True).encode()

    def _last(self, chunk: TokenChunk) -> bytes:
        end = event(self._part(finish_reason=chunk.finish_reason, **extras_of(chunk)))
        if self._include_usage and chunk.usage:
            usage = Completion(**self._frame, choices=[], usage=usage_of(chunk.usage))
            end += event(dump(usage))
        return end

    def _part(
        self,
        *,
        text: str = "",
        logprobs: Logprobs | None = None,
        finish_reason: str | None = None,
        **extras: Any,
    ) -> bytes:
        if self._include_usage:
            extras["usage"] = None
        # a part that is not the last has no finish reason, which the type,
        # made for whole answers, would refuse
        choice = CompletionChoice.model_construct(
            index=0, text=text, logprobs=logprobs, finish_reason=finish_reason
        )
        part = Completion.model_construct(**self._frame, choices=[choice], **extras)
        return dump(part)

    def _logprobs(self, logprobs: Sequence[TokenLogprob]) -> Logprobs:
        tops = [{_name(top): finite(top.logprob) for top in logprob.top} for logprob in logprobs]
        return Logprobs(
            tokens=[_name(logprob.chosen) for logprob in logprobs],
            token_logprobs=[finite(logprob.chosen.logprob) for logprob in logprobs],
            top_logprobs=tops if any(tops) else None,
            text_offset=[self._offsets.next(logprob.chosen) for logprob in logprobs],
        )


class _Offsets:
    """Where each token begins in the answer, in characters."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._offset = 0

    def next(self, token: TokenAlternative) -> int:
        offset = self._offset
        self._offset += len(self._decoder.decode(token.text_bytes))
        return offset


def _name(token: TokenAlternative) -> str:
    """The token's text, or its bytes in OpenAI's notation if they are not whole characters."""
    try:
        return token.text_bytes.decode()
    except UnicodeDecodeError:
        return "bytes:" + "".join(f"\\x{byte:02x}" for byte in token.text_bytes)
