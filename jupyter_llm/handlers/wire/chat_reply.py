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

from .reply import PLACEHOLDER, Reply, Template, by_index, dump, extras_of, finite, usage_of
from .sse import event
from .tools_reply import calls_of, delta_of_calls

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jupyter_llm.types import TokenAlternative, TokenChunk, TokenLogprob

REASONING = "reasoning_content"
"""The name that clients have for reasoning, beside OpenAI's own fields."""


class ChatReply(Reply):
    """One conversation's next turn; the first event names the role."""

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
            "service_tier": "default",
            "system_fingerprint": system_fingerprint,
        }
        self._include_usage = include_usage
        self._texts: dict[int, Template] = {}

    def events(self, chunk: TokenChunk) -> bytes:
        """Role, text, finish reason, usage: each in an event of its own."""
        parts = []
        if chunk.index not in self._texts:
            parts.append(self._begin(chunk.index))
        if chunk.reasoning:
            delta = ChoiceDelta.model_validate({REASONING: chunk.reasoning})
            parts.append(self._event(_choice(chunk.index, delta)))
        if chunk.logprobs:
            choice = _choice(chunk.index, ChoiceDelta(content=chunk.text))
            choice.logprobs = ChunkLogprobs(content=_logprobs(chunk.logprobs))
            parts.append(self._event(choice))
        elif chunk.text:
            parts.append(self._texts[chunk.index].event(chunk.text))
        if chunk.tool_calls:
            parts.append(self._event(_choice(chunk.index, delta_of_calls(chunk.tool_calls))))
        if chunk.finish_reason:
            parts.append(self._last(chunk))
        return b"".join(parts)

    def _begin(self, index: int) -> bytes:
        """Name the role, and prepare for the text, of one of the answers."""
        text = _choice(index, ChoiceDelta(content=PLACEHOLDER))
        self._texts[index] = Template(self._chunk(text))
        return self._event(_choice(index, ChoiceDelta(role="assistant", content="")))

    def whole(self, chunks: Sequence[TokenChunk]) -> bytes:
        """The `chat.completion` object."""
        last = chunks[-1]
        completion = ChatCompletion(
            **self._frame,
            object="chat.completion",
            choices=[_whole_choice(index, own) for index, own in by_index(chunks)],
            usage=usage_of(last.usage) if last.usage else None,
            **extras_of(last),
        )
        return completion.model_dump_json(exclude_unset=True).encode()

    def _last(self, chunk: TokenChunk) -> bytes:
        choice = _choice(chunk.index, ChoiceDelta())
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


def _choice(index: int, delta: ChoiceDelta) -> ChunkChoice:
    return ChunkChoice(index=index, delta=delta, logprobs=None, finish_reason=None)


def _whole_choice(index: int, chunks: Sequence[TokenChunk]) -> Choice:
    logprobs = [logprob for chunk in chunks for logprob in chunk.logprobs]
    reason = chunks[-1].finish_reason
    return Choice(
        index=index,
        message=_message(chunks),
        logprobs=ChoiceLogprobs(content=_logprobs(logprobs)) if logprobs else None,
        finish_reason=reason.value if reason else "stop",
    )


def _message(chunks: Sequence[TokenChunk]) -> ChatCompletionMessage:
    text = "".join(chunk.text for chunk in chunks)
    calls = calls_of(chunks)
    extras: dict[str, Any] = {"tool_calls": calls} if calls else {}
    if reasoning := "".join(chunk.reasoning for chunk in chunks):
        extras[REASONING] = reasoning
    return ChatCompletionMessage(
        role="assistant", content=None if calls and not text else text, refusal=None, **extras
    )


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
