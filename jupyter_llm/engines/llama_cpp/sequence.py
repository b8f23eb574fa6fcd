"""One request on its way through the engine."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Protocol

from jupyter_llm.chat.grammar.form import Form
from jupyter_llm.chat.text import StopMatcher, TextDecoder
from jupyter_llm.types import (
    FinishReason,
    GenerationRequest,
    Timings,
    TokenChunk,
    TokenLogprob,
    Usage,
)


class Pieces(Protocol):
    """What a sequence needs of a vocabulary."""

    def piece(self, token: int) -> bytes:
        """The bytes of a token as they belong into an answer."""

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
    KV cache as `sequence_id`; `form` is what the answer is held to. Once submitted it
    belongs to the engine's thread; other threads only set `is_cancelled`.
    """

    def __init__(
        self,
        request: GenerationRequest,
        prompt: list[int],
        pieces: Pieces,
        *,
        room: int,
        form: Form | None = None,
    ) -> None:
        self.request = request
        self.tokens = list(prompt)
        self.num_prompt = len(prompt)
        self.num_computed = 0
        self.num_cached = 0
        self.sequence_id: int | None = None
        self.form = form
        self.is_cancelled = False
        self.clock = Clock(submitted=time.monotonic())
        self._pieces = pieces
        self._decoder = TextDecoder()
        self._stops = StopMatcher(request.sampling.stop)
        wanted = request.sampling.max_tokens
        self._max_tokens = room if wanted is None else min(wanted, room)

    @property
    def num_pending(self) -> int:
        """Tokens that must be computed before the next one can be drawn."""
        return len(self.tokens) - self.num_computed

    @property
    def num_completion(self) -> int:
        """Tokens generated so far."""
        return len(self.tokens) - self.num_prompt

    @property
    def is_decoding(self) -> bool:
        """Whether a single token stands between this sequence and its next one."""
        return self.num_pending == 1 and self.num_completion > 0

    def note_start(self) -> None:
        """Record the first time this sequence gets a slot, and what it need not compute."""
        if not self.clock.started:
            self.clock.started = time.monotonic()
            self.num_cached = self.num_computed

    def take(self, token: int, logprob: TokenLogprob | None) -> TokenChunk | None:
        """Add the token just drawn; returns what the caller gets to see, if anything.

        Raises:
            InvalidRequestError: The answer's form has no way on from here.
        """
        if not self.clock.first_token:
            self.clock.first_token = time.monotonic()
        if self._pieces.ends_generation(token) and not self.request.sampling.ignore_eos:
            return self._last_chunk("", FinishReason.STOP)
        self.tokens.append(token)
        is_complete = self.form is not None and self.form.take(token)
        logprobs = () if logprob is None else (logprob,)
        text, is_stopped = self._stops.feed(self._decoder.feed(self._pieces.piece(token)))
        if is_stopped:
            return self._chunk_at_end(text, logprobs, FinishReason.STOP)
        if is_complete:
            return self._last_chunk(text, FinishReason.STOP, logprobs)
        if self.num_completion >= self._max_tokens:
            return self._last_chunk(text, FinishReason.LENGTH, logprobs)
        return TokenChunk(text=text, logprobs=logprobs) if text or logprobs else None

    def _last_chunk(
        self, text: str, reason: FinishReason, logprobs: tuple[TokenLogprob, ...] = ()
    ) -> TokenChunk:
        """End with the text held back, unless a stop string completes in it after all."""
        rest, is_stopped = self._stops.feed(self._decoder.flush())
        if is_stopped:
            return self._chunk_at_end(text + rest, logprobs, FinishReason.STOP)
        return self._chunk_at_end(text + rest + self._stops.flush(), logprobs, reason)

    def _chunk_at_end(
        self, text: str, logprobs: tuple[TokenLogprob, ...], reason: FinishReason
    ) -> TokenChunk:
        return TokenChunk(
            text=text,
            logprobs=logprobs,
            finish_reason=reason,
            usage=Usage(
                prompt_tokens=self.num_prompt,
                completion_tokens=self.num_completion,
                cached_tokens=self.num_cached,
            ),
            timings=self.clock.timings(time.monotonic()),
        )
