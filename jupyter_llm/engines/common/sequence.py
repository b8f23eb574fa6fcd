"""One request on its way through an engine."""

from __future__ import annotations

from dataclasses import replace

from jupyter_llm.chat.dialogue import Turn
from jupyter_llm.chat.split import Split
from jupyter_llm.engines.common.answer import Answer, Gate, joined
from jupyter_llm.engines.common.clock import Clock
from jupyter_llm.engines.common.scoring import Echo, PromptScores
from jupyter_llm.engines.common.vocabulary import Pieces
from jupyter_llm.types import FinishReason, GenerationRequest, TokenChunk, TokenLogprob, Usage


class Sequence:
    """A request's tokens and what has become of them.

    `tokens` are prompt and answer, `num_cached` how many of the prompt were not computed
    again; `gate` is what the answer is held to. Once submitted it belongs to the engine's
    thread; other threads only set `is_cancelled`.
    """

    def __init__(  # noqa: PLR0913 - what an answer is made of
        self,
        request: GenerationRequest,
        prompt: list[int],
        pieces: Pieces,
        *,
        room: int,
        gate: Gate | None = None,
        split: Split | None = None,
    ) -> None:
        self.request = request
        self.tokens = list(prompt)
        self.num_prompt = len(prompt)
        self.num_cached = 0
        self.is_cancelled = False
        self.clock = Clock()
        self.scores: PromptScores | None = None
        self._pieces = pieces
        self._gate = gate
        self._split = split or Split(Turn(prompt=""), lambda _text: [])
        self._answer = self._new_answer()
        self._echo: Echo | None = None
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
    def num_left(self) -> int:
        """Tokens that the answer may still have."""
        return self._max_tokens - self.num_completion

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
        return Answer(self._pieces, self._split, stops=stops, gate=self._gate, offset=offset)

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
