"""A streamed answer in the words of OpenAI's API, as chunks of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from jupyter_llm.engines.remote.relay import FailedEvent
from jupyter_llm.engines.remote.usage import UsageBody, finish_reason_of
from jupyter_llm.errors import UpstreamError
from jupyter_llm.types import (
    FinishReason,
    TokenAlternative,
    TokenChunk,
    TokenLogprob,
    ToolCallDelta,
    Usage,
)

if TYPE_CHECKING:
    from collections.abc import Iterator


class _Function(msgspec.Struct):
    name: str | None = None
    arguments: str | None = None


class _Call(msgspec.Struct):
    index: int = 0
    id: str | None = None
    function: _Function | None = None


class _Delta(msgspec.Struct):
    content: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    tool_calls: list[_Call] | None = None


class _Token(msgspec.Struct):
    token: str = ""
    bytes: list[int] | None = None
    logprob: float | None = None


class _Position(_Token):
    top_logprobs: list[_Token] = []


class _Logprobs(msgspec.Struct):
    """Of a chat in `content`, of a completion in lists side by side."""

    content: list[_Position] | None = None
    tokens: list[str] | None = None
    token_logprobs: list[float | None] | None = None
    top_logprobs: list[dict[str, float] | None] | None = None


class _Choice(msgspec.Struct):
    index: int = 0
    delta: _Delta | None = None
    text: str | None = None
    logprobs: _Logprobs | None = None
    finish_reason: str | None = None


class _Event(msgspec.Struct):
    choices: list[_Choice] = []
    usage: UsageBody | None = None
    error: msgspec.Raw = msgspec.Raw(b"")


_DECODER = msgspec.json.Decoder(_Event)


class ReplyReader:
    """Reads events one by one; finish reason and usage are kept for the end."""

    def __init__(self) -> None:
        self.finish_reason: FinishReason | None = None
        self.usage: Usage | None = None
        self._offset = 0

    def read(self, data: bytes) -> Iterator[TokenChunk]:
        """What one event brings.

        Raises:
            FailedEvent: It tells of an error.
            UpstreamError: It is not what OpenAI's API has.
        """
        try:
            event = _DECODER.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise UpstreamError(f"The service sent an event that is no answer: {error}.") from error
        if bytes(event.error) not in (b"", b"null"):
            raise FailedEvent(data)
        if event.usage is not None:
            self.usage = event.usage.to_usage()
        for choice in event.choices:
            if choice.finish_reason:
                self.finish_reason = finish_reason_of(choice.finish_reason)
            if chunk := self._chunk(choice):
                yield chunk

    def _chunk(self, choice: _Choice) -> TokenChunk | None:
        delta = choice.delta or _Delta()
        text = delta.content or choice.text or ""
        reasoning = delta.reasoning_content or delta.reasoning or ""
        calls = tuple(_call(call) for call in delta.tool_calls or ())
        logprobs = self._logprobs(choice.logprobs) if choice.logprobs else ()
        if not (text or reasoning or calls or logprobs):
            return None
        return TokenChunk(text=text, reasoning=reasoning, tool_calls=calls, logprobs=logprobs)

    def _logprobs(self, found: _Logprobs) -> tuple[TokenLogprob, ...]:
        positions = found.content if found.content is not None else _side_by_side(found)
        logprobs = []
        for position in positions:
            top = tuple(_alternative(token) for token in position.top_logprobs)
            chosen = _alternative(position)
            logprobs.append(TokenLogprob(chosen=chosen, top=top, offset=self._offset))
            self._offset += len(position.token)
        return tuple(logprobs)


def _call(call: _Call) -> ToolCallDelta:
    function = call.function or _Function()
    return ToolCallDelta(
        index=call.index,
        id=call.id or "",
        name=function.name or "",
        arguments=function.arguments or "",
    )


def _side_by_side(found: _Logprobs) -> list[_Position]:
    """The log-probabilities of a completion in the form that those of a chat have."""
    tokens, chosen = found.tokens or [], found.token_logprobs or []
    tops = found.top_logprobs or [None] * len(tokens)
    return [
        _Position(
            token=token,
            logprob=logprob,
            top_logprobs=[_Token(token=name, logprob=at) for name, at in (top or {}).items()],
        )
        for token, logprob, top in zip(tokens, chosen, tops, strict=False)
    ]


def _alternative(token: _Token) -> TokenAlternative:
    text_bytes = token.token.encode() if token.bytes is None else bytes(token.bytes)
    return TokenAlternative(text=token.token, text_bytes=text_bytes, logprob=token.logprob)
