"""What the tokens of an answer stand for: text, reasoning and calls, and where it ends."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from jupyter_llm.chat.gains import AnswerText, Gain
from jupyter_llm.chat.sink import Delta
from jupyter_llm.chat.split import Split
from jupyter_llm.engines.common.vocabulary import Pieces
from jupyter_llm.types import FinishReason, TokenChunk, TokenLogprob


class Gate(Protocol):
    """What an answer needs to know of the form that it is held to."""

    def take(self, token: int) -> bool:
        """Go on with a token that is not an end; returns whether the answer is complete.

        Raises:
            InvalidRequestError: The form has no way on from here.
        """


class Answer:
    """One answer on its way out; the chunk that ends it has a finish reason.

    `gate` is what it is held to, `split` parts it, and the caller's `stops` end it. Its text
    begins `offset` characters behind the beginning of what the caller gets to see.
    """

    def __init__(
        self,
        pieces: Pieces,
        split: Split,
        *,
        stops: tuple[str, ...],
        gate: Gate | None = None,
        offset: int = 0,
    ) -> None:
        self._pieces = pieces
        self._split = split
        self._gate = gate
        self._stops = stops
        self._text = AnswerText((*stops, *split.stops), offset=offset)

    @property
    def num_reasoning(self) -> int:
        """Tokens that were reasoning."""
        return self._split.num_reasoning

    def take(self, token: int, logprob: TokenLogprob | None, *, is_last: bool) -> TokenChunk:
        """What one more token brings; there are no more after one that `is_last`.

        Raises:
            InvalidRequestError: The answer's form has no way on from here.
        """
        self._split.note_token()
        is_complete = self._gate is not None and self._gate.take(token)
        gain = self._text.feed(self._bytes(token), logprob)
        if gain.is_stopped:
            return self._ended(self._split.finish(gain.text), gain.logprobs, FinishReason.STOP)
        if is_complete or is_last:
            return self._rest(gain, FinishReason.STOP if is_complete else FinishReason.LENGTH)
        delta = self._split.feed(gain.text)
        if self._split.has_its_call:
            return self._ended(delta, gain.logprobs, FinishReason.STOP)
        return _chunk(delta, gain.logprobs)

    def end(self, reason: FinishReason) -> TokenChunk:
        """End between two tokens."""
        return self._rest(Gain(text=""), reason)

    def closing_tokens(self) -> list[int]:
        """The tokens that have to follow; none in a character's middle, where none may stand."""
        return [] if self._text.is_waiting else self._split.closing_tokens()

    def _bytes(self, token: int) -> bytes:
        """The bytes of a token; of a control token its name, if that steers the parser."""
        piece = self._pieces.piece(token)
        if piece:
            return piece
        name = self._pieces.name(token)
        return name if self._split.is_marker(name) else b""

    def _rest(self, gain: Gain, reason: FinishReason) -> TokenChunk:
        """End with the text held back, unless a stop string completes in it after all."""
        rest = self._text.end()
        return self._ended(
            self._split.finish(gain.text + rest.text),
            gain.logprobs + rest.logprobs,
            FinishReason.STOP if rest.is_stopped else reason,
        )

    def _ended(
        self, delta: Delta, logprobs: tuple[TokenLogprob, ...], reason: FinishReason
    ) -> TokenChunk:
        matched = self._text.matched
        return replace(
            _chunk(delta, logprobs),
            finish_reason=self._split.reason(reason),
            stop=matched if matched in self._stops else None,
        )


def joined(first: TokenChunk, second: TokenChunk) -> TokenChunk:
    """Two chunks of one answer as one, which ends as the second does."""
    return replace(
        second,
        text=first.text + second.text,
        reasoning=first.reasoning + second.reasoning,
        tool_calls=first.tool_calls + second.tool_calls,
        logprobs=first.logprobs + second.logprobs,
    )


def _chunk(delta: Delta, logprobs: tuple[TokenLogprob, ...]) -> TokenChunk:
    return TokenChunk(
        text=delta.text,
        reasoning=delta.reasoning,
        tool_calls=delta.tool_calls,
        logprobs=logprobs,
    )
