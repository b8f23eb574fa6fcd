"""Answers of `POST /v1/completions`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from openai.types import Completion, CompletionChoice
from openai.types.completion_choice import Logprobs

from jupyter_llm.types import FinishReason

from .reply import PLACEHOLDER, Reply, Template, by_index, dump, extras_of, finite, usage_of
from .sse import event

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jupyter_llm.types import TokenAlternative, TokenChunk, TokenLogprob


class CompletionReply(Reply):
    """The text that follows a prompt."""

    def __init__(
        self,
        *,
        request_id: str,
        model: str,
        created: int,
        include_usage: bool,
        system_fingerprint: str = "",
    ) -> None:
        self._frame: dict[str, Any] = {
            "id": request_id,
            "created": created,
            "model": model,
            "object": "text_completion",
            "system_fingerprint": system_fingerprint,
        }
        self._include_usage = include_usage
        self._texts: dict[int, Template] = {}

    def events(self, chunk: TokenChunk) -> bytes:
        """Text, finish reason, usage: each in an event of its own."""
        parts = []
        if chunk.logprobs:
            logprobs = _logprobs(chunk.logprobs)
            parts.append(event(self._part(chunk.index, text=chunk.text, logprobs=logprobs)))
        elif chunk.text:
            parts.append(self._template(chunk.index).event(chunk.text))
        if chunk.finish_reason:
            parts.append(self._last(chunk))
        return b"".join(parts)

    def whole(self, chunks: Sequence[TokenChunk]) -> bytes:
        """The `text_completion` object."""
        last = chunks[-1]
        completion = Completion(
            **self._frame,
            choices=[_whole_choice(index, own) for index, own in by_index(chunks)],
            usage=usage_of(last.usage) if last.usage else None,
            **extras_of(last),
        )
        # no warnings: the first token of an echoed prompt has null for a probability
        return completion.model_dump_json(exclude_unset=True, warnings=False).encode()

    def _template(self, index: int) -> Template:
        if index not in self._texts:
            self._texts[index] = Template(self._part(index, text=PLACEHOLDER))
        return self._texts[index]

    def _last(self, chunk: TokenChunk) -> bytes:
        end = event(self._part(chunk.index, finish_reason=chunk.finish_reason, **extras_of(chunk)))
        if self._include_usage and chunk.usage:
            usage = Completion(**self._frame, choices=[], usage=usage_of(chunk.usage))
            end += event(dump(usage))
        return end

    def _part(
        self,
        index: int,
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
            index=index, text=text, logprobs=logprobs, finish_reason=finish_reason
        )
        part = Completion.model_construct(**self._frame, choices=[choice], **extras)
        return dump(part)


def _whole_choice(index: int, chunks: Sequence[TokenChunk]) -> CompletionChoice:
    logprobs = [logprob for chunk in chunks for logprob in chunk.logprobs]
    is_cut = chunks[-1].finish_reason is FinishReason.LENGTH
    return CompletionChoice(
        index=index,
        text="".join(chunk.text for chunk in chunks),
        logprobs=_logprobs(logprobs) if logprobs else None,
        finish_reason="length" if is_cut else "stop",
    )


def _logprobs(logprobs: Sequence[TokenLogprob]) -> Logprobs:
    """Lists side by side; null for a prompt's first token, which OpenAI's type knows not of."""
    return Logprobs.model_construct(
        tokens=[_name(logprob.chosen) for logprob in logprobs],
        token_logprobs=[_number(logprob.chosen) for logprob in logprobs],
        top_logprobs=[_tops(logprob) for logprob in logprobs],
        text_offset=[logprob.offset for logprob in logprobs],
    )


def _tops(logprob: TokenLogprob) -> dict[str, float] | None:
    """The likeliest tokens and, as OpenAI has it, the chosen one even where it is not of them."""
    if logprob.chosen.logprob is None:
        return None
    return {_name(token): finite(token.logprob) for token in (*logprob.top, logprob.chosen)}


def _number(token: TokenAlternative) -> float | None:
    return None if token.logprob is None else finite(token.logprob)


def _name(token: TokenAlternative) -> str:
    """The token's text, or its bytes in OpenAI's notation if they are not whole characters."""
    try:
        return token.text_bytes.decode()
    except UnicodeDecodeError:
        return "bytes:" + "".join(f"\\x{byte:02x}" for byte in token.text_bytes)
