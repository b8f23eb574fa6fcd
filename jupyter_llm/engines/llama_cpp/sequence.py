"""One request on its way through the engine."""

from __future__ import annotations

import time
from dataclasses import replace
from itertools import takewhile

from jupyter_llm.chat.dialogue import Turn
from jupyter_llm.chat.grammar.form import Form
from jupyter_llm.chat.split import Split
from jupyter_llm.types import (
    FinishReason,
    GenerationRequest,
    TokenChunk,
    TokenLogprob,
    Usage,
)

from .answer import Answer, Pieces, joined
from .clock import Clock
from .eagerness import Guesser
from .scoring import Echo, PromptScores
from .sight import Spans


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
        self.clock = Clock()
        self._pieces = pieces
        self._split = split or Split(Turn(prompt=""), lambda _text: [])
        self._answer = self._new_answer()
        self._echo: Echo | None = None
        self.scores: PromptScores | None = None
        wanted = request.sampling.max_tokens
        self._max_tokens = room if wanted is None else min(wanted, room)

    def begin_with(self, echo: Echo) -> None:
        """Repeat the prompt before the answer, with scores where log-probabilities are wanted."""
        self._echo = echo
        self._answer = self._new_answer(offset=len(echo.text))
        num_top = self.request.sampling.num_top_logprobs
        if num_top is not None:
            self.scores = PromptScores(echo, self.tokens, num_top)

    @property
    def cache_id(self) -> int:
        """The `sequence_id` of one that runs."""
        if self.sequence_id is None:
            raise RuntimeError(f"request {self.request.id} holds no cells")
        return self.sequence_id

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
        self.clock.note_first_token()
        return self._ended(self._answer.end(FinishReason.LENGTH))

    def take(self, token: int, logprob: TokenLogprob | None) -> TokenChunk | None:
        """Add the token just drawn; returns what the caller gets to see, if anything.

        Raises:
            InvalidRequestError: The answer's form has no way on from here.
        """
        self.clock.note_first_token()
        if self._pieces.ends_generation(token) and not self.request.sampling.ignore_eos:
            return self._ended(self._answer.end(FinishReason.STOP))
        chunk = self._add(token, logprob)
        for closing in self._answer.closing_tokens():
            if chunk.finish_reason is None:
                chunk = joined(chunk, self._add(closing, None))
        if chunk.finish_reason:
            return self._ended(chunk)
        is_empty = not (chunk.text or chunk.reasoning or chunk.tool_calls or chunk.logprobs)
        return None if is_empty else chunk

    def _add(self, token: int, logprob: TokenLogprob | None) -> TokenChunk:
        self.tokens.append(token)
        is_last = self.num_completion >= self._max_tokens
        return self._answer.take(token, logprob, is_last=is_last)

    def _new_answer(self, *, offset: int = 0) -> Answer:
        stops = self.request.sampling.stop
        return Answer(self._pieces, self._split, stops=stops, form=self.form, offset=offset)

    def _ended(self, chunk: TokenChunk) -> TokenChunk:
        """The last chunk, which alone says what the answer took."""
        return replace(
            chunk,
            usage=Usage(
                prompt_tokens=self.num_prompt,
                completion_tokens=self.num_completion,
                cached_tokens=self.num_cached,
                reasoning_tokens=self._answer.num_reasoning,
            ),
            timings=self.clock.timings(),
        )
