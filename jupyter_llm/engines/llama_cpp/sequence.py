"""One request on its way through the engine."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Protocol

from jupyter_llm.chat.dialogue import Turn
from jupyter_llm.chat.gains import AnswerText, Gain
from jupyter_llm.chat.grammar.form import Form
from jupyter_llm.chat.sink import Delta
from jupyter_llm.chat.split import Split
from jupyter_llm.types import (
    FinishReason,
    GenerationRequest,
    Timings,
    TokenChunk,
    TokenLogprob,
    Usage,
)

from .eagerness import Guesser
from .scoring import Echo, PromptScores
from .sight import Spans


class Pieces(Protocol):
    """What a sequence needs of a vocabulary."""

    def piece(self, token: int) -> bytes:
        """The bytes of a token as they belong into an answer."""

    def name(self, token: int) -> bytes:
        """The bytes of a token, control tokens spelled out."""

    def ends_generation(self, token: int) -> bool:
        """Whether the model ends its answer with this token."""


@dataclass(kw_only=True, slots=True)
class Clock:
    """When things happened, on the monotonic clock; 0 until they do."""

    submitted: float
    started: float = 0.0
    first_token: float = 0.0

    def timings(self, now: float) -> Timings:
        """The durations, for a request that ends at `now`."""
        started = self.started or now
        first_token = self.first_token or now
        return Timings(
            queue_s=started - self.submitted,
            prefill_s=first_token - started,
            decode_s=now - first_token,
        )


class Sequence:
    """A request's tokens and what has become of them.

    `tokens` are prompt and answer; the first `num_computed` of them are in the
    KV cache as `sequence_id`; `form` is what the answer is held to, `spans` are the images
    among the tokens. Once submitted it belongs to the engine's thread; other threads only
    set `is_cancelled`.
    """

    def __init__(  # noqa: PLR0913 - what an answer is made of
        self,
        request: GenerationRequest,
        prompt: list[int],
        pieces: Pieces,
        *,
        room: int,
        form: Form | None = None,
        split: Split | None = None,
        spans: Spans | None = None,
    ) -> None:
        self.request = request
        self.tokens = list(prompt)
        self.num_prompt = len(prompt)
        self.num_computed = 0
        self.num_cached = 0
        self.sequence_id: int | None = None
        self.form = form
        self.spans = spans or Spans()
        self.guesser: Guesser | None = None
        self.is_cancelled = False
        self.clock = Clock(submitted=time.monotonic())
        self._pieces = pieces
        self._split = split or Split(Turn(prompt=""), lambda _text: [])
        self._text = self._answer_text()
        self._echo: Echo | None = None
        self.scores: PromptScores | None = None
        wanted = request.sampling.max_tokens
        self._max_tokens = room if wanted is None else min(wanted, room)

    def begin_with(self, echo: Echo) -> None:
        """Repeat the prompt before the answer, with scores where log-probabilities are wanted."""
        self._echo = echo
        self._text = self._answer_text(offset=len(echo.text))
        num_top = self.request.sampling.num_top_logprobs
        if num_top is not None:
            self.scores = PromptScores(echo, self.tokens, num_top)

    @property
    def num_pending(self) -> int:
        """Tokens that must be computed before the next one can be drawn."""
        return len(self.tokens) - self.num_computed

    @property
    def num_reusable(self) -> int:
        """Tokens that a cache may hold already: not those whose logits are wanted."""
        return self.scores.num_known if self.scores and self.is_scoring else len(self.tokens)

    @property
    def is_scoring(self) -> bool:
        """Whether the logits of every token of its prompt are wanted, and not all known."""
        return self.scores is not None and not self.scores.is_complete

    @property
    def is_answered(self) -> bool:
        """Whether nothing is to be drawn: its prompt alone was wanted."""
        return self._max_tokens == 0

    @property
    def num_completion(self) -> int:
        """Tokens generated so far."""
        return len(self.tokens) - self.num_prompt

    @property
    def is_decoding(self) -> bool:
        """Whether a single token stands between this sequence and its next one."""
        return self.num_pending == 1 and self.num_completion > 0

    @property
    def num_guessable(self) -> int:
        """Tokens that the answer may still have behind the next one to be drawn."""
        return self._max_tokens - self.num_completion - 1

    def guesses(self, limit: int) -> tuple[int, ...]:
        """Tokens that may come after the next one to compute, none where nobody guesses."""
        if self.guesser is None:
            return ()
        guesses = self.guesser.guess(self.tokens, min(limit, self.num_guessable))
        # what followed may have been an image, which no model writes
        return tuple(takewhile(lambda token: token >= 0, guesses))

    def learn(self, num_guessed: int, num_right: int) -> None:
        """Tell how many of the last guesses were right."""
        if self.guesser is not None:
            self.guesser.learn(len(self.tokens), num_guessed, num_right)

    def part(self, limit: int) -> int:
        """How many of the next tokens are computed in one go; of most images `limit` at most."""
        return self.spans.limit(self.num_computed, limit)

    def note_start(self) -> None:
        """Record the first time this sequence gets a slot, and what it need not compute."""
        if not self.clock.started:
            self.clock.started = time.monotonic()
            self.num_cached = self.num_computed

    def echo(self) -> TokenChunk | None:
        """The prompt, if its caller wants it before the answer; with scores once they are known."""
        echo, self._echo = self._echo, None
        if echo is None:
            return None
        return self.scores.chunk() if self.scores else TokenChunk(text=echo.text)

    def end_unanswered(self) -> TokenChunk:
        """End when the prompt is computed, without a token."""
        self.clock.first_token = time.monotonic()
        return self._last_chunk(Gain(text=""), FinishReason.LENGTH)

    def take(self, token: int, logprob: TokenLogprob | None) -> TokenChunk | None:
        """Add the token just drawn; returns what the caller gets to see, if anything.

        Raises:
            InvalidRequestError: The answer's form has no way on from here.
        """
        if not self.clock.first_token:
            self.clock.first_token = time.monotonic()
        if self._pieces.ends_generation(token) and not self.request.sampling.ignore_eos:
            return self._last_chunk(Gain(text=""), FinishReason.STOP)
        chunk = self._add(token, logprob)
        # not in the middle of a character, where no marker may stand
        if not self._text.is_waiting:
            for closing in self._split.closing_tokens():
                if chunk.finish_reason is None:
                    chunk = _joined(chunk, self._add(closing, None))
        is_empty = not (chunk.text or chunk.reasoning or chunk.tool_calls or chunk.logprobs)
        return None if is_empty and chunk.finish_reason is None else chunk

    def _add(self, token: int, logprob: TokenLogprob | None) -> TokenChunk:
        self.tokens.append(token)
        self._split.note_token()
        is_complete = self.form is not None and self.form.take(token)
        gain = self._text.feed(self._bytes(token), logprob)
        if gain.is_stopped:
            return self._chunk_at_end(gain.text, gain.logprobs, FinishReason.STOP)
        if is_complete:
            return self._last_chunk(gain, FinishReason.STOP)
        if self.num_completion >= self._max_tokens:
            return self._last_chunk(gain, FinishReason.LENGTH)
        delta = self._split.feed(gain.text)
        if self._split.has_its_call:
            return self._end(delta, gain.logprobs, FinishReason.STOP)
        return TokenChunk(
            text=delta.text,
            reasoning=delta.reasoning,
            tool_calls=delta.tool_calls,
            logprobs=gain.logprobs,
        )

    def _bytes(self, token: int) -> bytes:
        """The bytes of a token; of a control token its name, if that steers the parser."""
        piece = self._pieces.piece(token)
        if piece:
            return piece
        name = self._pieces.name(token)
        return name if self._split.is_marker(name) else b""

    def _answer_text(self, *, offset: int = 0) -> AnswerText:
        stops = (*self.request.sampling.stop, *self._split.stops)
        return AnswerText(stops, offset=offset)

    @property
    def _matched(self) -> str | None:
        """The stop string that ended the answer, if it was the caller's."""
        matched = self._text.matched
        return matched if matched in self.request.sampling.stop else None

    def _last_chunk(self, gain: Gain, reason: FinishReason) -> TokenChunk:
        """End with the text held back, unless a stop string completes in it after all."""
        rest = self._text.end()
        return self._chunk_at_end(
            gain.text + rest.text,
            gain.logprobs + rest.logprobs,
            FinishReason.STOP if rest.is_stopped else reason,
        )

    def _chunk_at_end(
        self, text: str, logprobs: tuple[TokenLogprob, ...], reason: FinishReason
    ) -> TokenChunk:
        return self._end(self._split.finish(text), logprobs, reason)

    def _end(
        self, delta: Delta, logprobs: tuple[TokenLogprob, ...], reason: FinishReason
    ) -> TokenChunk:
        return TokenChunk(
            text=delta.text,
            reasoning=delta.reasoning,
            tool_calls=delta.tool_calls,
            logprobs=logprobs,
            finish_reason=self._split.reason(reason),
            usage=Usage(
                prompt_tokens=self.num_prompt,
                completion_tokens=self.num_completion,
                cached_tokens=self.num_cached,
                reasoning_tokens=self._split.num_reasoning,
            ),
            timings=self.clock.timings(time.monotonic()),
            stop=self._matched,
        )


def _joined(first: TokenChunk, second: TokenChunk) -> TokenChunk:
    """Two chunks of one answer as one, which ends as the second does."""
    return replace(
        second,
        text=first.text + second.text,
        reasoning=first.reasoning + second.reasoning,
        tool_calls=first.tool_calls + second.tool_calls,
        logprobs=first.logprobs + second.logprobs,
    )
