"""One request on its way through the engine."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from jupyter_llm.chat.grammar.form import Form
from jupyter_llm.chat.split import Split
from jupyter_llm.engines.common import sequence
from jupyter_llm.engines.common.file_vocabulary import FileVocabulary
from jupyter_llm.types import GenerationRequest, TokenAlternative, TokenChunk, TokenLogprob

from .steps import Drawn, Scores, Wanted

_MAX_SEED = (1 << 63) - 1
_STEP = 0x9E3779B97F4A7C15
"""Parts the seeds of an answer's parts: 2**64 by the golden ratio."""


class Sequence(sequence.Sequence):
    """A request's tokens, and what vLLM is to draw next.

    vLLM follows one grammar from its beginning and puts no tokens of ours between its own:
    where an answer goes from one of `grammars` to the next, or has tokens put into it, it
    is asked again, with all that there is as the prompt. It has that in its cache.
    """

    def __init__(  # noqa: PLR0913 - what an answer is made of
        self,
        request: GenerationRequest,
        prompt: list[int],
        vocabulary: FileVocabulary,
        *,
        room: int,
        form: Form | None = None,
        grammars: tuple[str, ...] = (),
        split: Split | None = None,
    ) -> None:
        super().__init__(request, prompt, vocabulary, room=room, gate=form, split=split)
        self._form = form
        self._grammars = grammars
        self._vocabulary = vocabulary
        self._num_asked = 0
        self._grammar = ""

    @property
    def is_begun(self) -> bool:
        """Whether vLLM has drawn anything."""
        return bool(self.clock.started)

    def wanted(self) -> Wanted:
        """What to ask vLLM for, behind the tokens that there are."""
        self._num_asked = len(self.tokens)
        self._grammar = self._current_grammar()
        sampling = self.request.sampling
        num_tokens = max(self.num_left, 1)
        return Wanted(
            max_tokens=num_tokens,
            options=self._options(num_tokens),
            lark=self._grammar,
            num_top=sampling.num_top_logprobs,
            num_prompt_top=sampling.num_top_logprobs if self.is_scoring else None,
        )

    def take_drawn(self, drawn: Drawn) -> Iterator[TokenChunk]:
        """What the caller gets to see of what vLLM drew, up to where it has to be asked again.

        Raises:
            InvalidRequestError: The answer's form has no way on from here.
        """
        if not self.is_begun:
            self.clock.started = time.monotonic()
            self.num_cached = drawn.num_cached
        if self.scores and drawn.prompt_scores:
            behind = zip(self.tokens[1 : self.num_prompt], drawn.prompt_scores, strict=True)
            self.scores.note_all(
                self._vocabulary, [self._named(token, scores) for token, scores in behind]
            )
            if echo := self.echo():
                yield echo
        if self.is_answered:
            yield self.end_unanswered()
            return
        scores = drawn.scores or (None,) * len(drawn.tokens)
        for token, found in zip(drawn.tokens, scores, strict=True):
            self._check_end(token)
            chunk = self.take(token, None if found is None else self._named(token, found))
            self._num_asked += 1
            if chunk is not None:
                yield chunk
            if self.has_turned or (chunk is not None and chunk.finish_reason):
                return

    @property
    def has_turned(self) -> bool:
        """Whether vLLM no longer knows what is to follow."""
        return len(self.tokens) > self._num_asked or self._current_grammar() != self._grammar

    def _current_grammar(self) -> str:
        if self._form is None:
            return ""
        return self._grammars[-1 - self._form.num_behind]

    def _check_end(self, token: int) -> None:
        """See that a grammar has not been left without a way on, where vLLM ends in silence."""
        if self._form and self._vocabulary.ends_generation(token):
            self._form.fill()
            self._form.allowed()

    def _named(self, token: int, scores: Scores) -> TokenLogprob:
        num_top = self.request.sampling.num_top_logprobs or 0
        order = sorted(scores, key=lambda one: -scores[one])[:num_top]
        return TokenLogprob(
            chosen=self._alternative(token, scores[token]),
            top=tuple(self._alternative(one, scores[one]) for one in order),
        )

    def _alternative(self, token: int, logprob: float) -> TokenAlternative:
        name = self._vocabulary.name(token)
        return TokenAlternative(
            text=name.decode("utf-8", "replace"), text_bytes=name, logprob=logprob
        )

    def _options(self, num_tokens: int) -> dict[str, Any]:
        """How to draw. Penalties count what is drawn from here on, bans are vLLM's minimum."""
        params = self.request.sampling
        seed = params.seed
        return {
            "temperature": params.temperature,
            "top_p": params.top_p,
            "top_k": params.top_k,
            "min_p": params.min_p,
            "presence_penalty": params.presence_penalty,
            "frequency_penalty": params.frequency_penalty,
            "repetition_penalty": params.repeat_penalty,
            "logit_bias": dict(params.logit_bias) or None,
            "seed": None if seed is None else (seed + self.num_completion * _STEP) & _MAX_SEED,
            "stop_token_ids": sorted(self._vocabulary.end_tokens),
            "min_tokens": num_tokens if params.ignore_eos else 0,
        }
