"""Answers of `POST /v1/chat/completions`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from openai.types.chat import ChatCompletion, ChatCompletionChunk, ChatCompletionMessage
from openai.types.chat.chat_completion import Choice, ChoiceLogprobs
from openai.types.chat.chat_completion_chunk import Choice as ChunkChoice
from openai.types.chat.chat_completion_chunk import ChoiceDelta
from openai.types.chat.chat_completion_chunk import ChoiceLogprobs as ChunkLogprobs
from openai.types.chat.chat_completion_token_logprob import (
    ChatCompletionTokenLogprob,
    TopLogprob,
)

from .reply import PLACEHOLDER, Reply, Template, dump, extras_of, finite, usage_of
from .sse import event

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jupyter_llm.types import TokenAlternative, TokenChunk, TokenLogprob


class ChatReply(Reply):
    """One conversation's next turn; the first event names the role."""

    def __init__(self, *, request_id: str, model: str, created: int, include_usage: bool) -> None:
        self._frame: dict[str, Any] = {"id": request_id, "created": created, "model": model}
        self._include_usage = include_usage
        self._told_role = False
        self._text = Template(self._chunk(_choice(ChoiceDelta(content=PLACEHOLDER))))

    def events(self, chunk: TokenChunk) -> bytes:
        """Role, text, finish reason, usage: each in an event of its own."""
        parts = []
        if not self._told_role:
            self._told_role = True
            parts.append(self._event(_choice(ChoiceDelta(role="assistant", content=""))))
        if chunk.logprobs:
            choice = _choice(ChoiceDelta(content=chunk.text))
            choice.logprobs = ChunkLogprobs(content=_logprobs(chunk.logprobs))
            parts.append(self._event(choice))
        elif chunk.text:
            parts.append(self._text.event(chunk.text))
        if chunk.finish_reason:
            parts.append(self._last(chunk))
        return b"".join(parts)

    def whole(self, chunks: Sequence[TokenChunk]) -> bytes:
        """The `chat.completion` object."""
        last = chunks[-1]
        logprobs = [logprob for chunk in chunks for logprob in chunk.logprobs]
        completion = ChatCompletion(
            **self._frame,
            object="chat.completion",
            choices=[
                Choice(
                    index=0,
                    message=ChatCompletionMessage(
                        role="assistant",
                        content="".join(chunk.text for chunk in chunks),
                        refusal=None,
                    ),
                    logprobs=ChoiceLogprobs(content=_logprobs(logprobs)) if logprobs else None,
                    finish_reason=last.finish_reason.value if last.finish_reason else "stop",
                )
            ],
            usage=usage_of(last.usage) if last.usage else None,
            **extras_of(last),
        )
        return completion.model_dump_json(exclude_unset=True).encode()

    def _last(self, chunk: TokenChunk) -> bytes:
        choice = _choice(ChoiceDelta())
        choice.finish_reason = chunk.finish_reason.value if chunk.finish_reason else None
        end = self._event(choice, **extras_of(chunk))
        if self._include_usage and chunk.usage:
            usage = ChatCompletionChunk(
                **self._frame,
                object="chat.completion.chunk",
                choices=[],
                usage=usage_of(chunk.usage),
            )
            end += event(dump(usage))
        return end

    def _event(self, choice: ChunkChoice, **extras: Any) -> bytes:
        return event(self._chunk(choice, **extras))

    def _chunk(self, choice: ChunkChoice, **extras: Any) -> bytes:
        # OpenAI: with include_usage, every chunk but the last says that it has none
        if self._include_usage:
            extras["usage"] = None
        chunk = ChatCompletionChunk(
            **self._frame, object="chat.completion.chunk", choices=[choice], **extras
        )
        return dump(chunk)


def _choice(delta: ChoiceDelta) -> ChunkChoice:
    return ChunkChoice(index=0, delta=delta, logprobs=None, finish_reason=None)


def _logprobs(logprobs: Sequence[TokenLogprob]) -> list[ChatCompletionTokenLogprob]:
    return [
        ChatCompletionTokenLogprob(
            **_token(logprob.chosen), top_logprobs=[TopLogprob(**_token(t)) for t in logprob.top]
        )
        for logprob in logprobs
    ]


def _token(token: TokenAlternative) -> dict[str, Any]:
    return {
        "token": token.text,
        "bytes": list(token.text_bytes),
        "logprob": finite(token.logprob),
    }
