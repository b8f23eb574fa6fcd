"""One request on its way through the engine."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from jupyter_llm.chat.grammar.form import Form
from jupyter_llm.chat.split import Split
from jupyter_llm.engines.common import sequence
from jupyter_llm.engines.common.logprobs import token_logprob
from jupyter_llm.types import GenerationRequest, TokenLogprob

from .arrays import as_logits
from .form_ahead import FormAhead
from .processors import Bias, Mask, Penalties, Processor, Witness
from .sampling import Draw, Sampler, sampler_for

if TYPE_CHECKING:
    from jupyter_llm.engines.common.file_vocabulary import FileVocabulary


class Sequence(sequence.Sequence):
    """A request's tokens, how they are drawn, and its number in the batch while it runs."""

    def __init__(  # noqa: PLR0913 - what an answer is made of
        self,
        request: GenerationRequest,
        prompt: list[int],
        vocabulary: FileVocabulary,
        *,
        room: int,
        form: Form | None = None,
        split: Split | None = None,
    ) -> None:
        self._form = FormAhead(form, vocabulary, num_prompt=len(prompt)) if form else None
        super().__init__(request, prompt, vocabulary, room=room, gate=self._form, split=split)
        self.uid: int | None = None
        self.is_reading = True
        self._vocabulary = vocabulary
        self._sampler = sampler_for(request.sampling)
        self._witness: Witness | None = None

    def note_start(self, num_cached: int) -> None:
        """Record the first time this sequence runs, and what it need not compute."""
        if not self.clock.started:
            self.clock.started = time.monotonic()
            self.num_cached = num_cached

    def sampler(self) -> Draw:
        """What draws the next token and those behind it."""
        if isinstance(self._sampler, Sampler):
            self._sampler.num_drawn = self.num_completion
        return self._sampler

    def processors(self) -> list[Processor]:
        """What is done to the logits of the next token and of those behind it."""
        params, vocabulary = self.request.sampling, self._vocabulary
        found: list[Processor] = []
        self._witness = None
        if params.num_top_logprobs is not None:
            self._witness = Witness()
            found.append(self._witness)
        banned = vocabulary.end_tokens if params.ignore_eos else ()
        if params.logit_bias or banned:
            found.append(Bias(params.logit_bias, banned, vocabulary.num_tokens))
        penalties = (params.repeat_penalty - 1, params.frequency_penalty, params.presence_penalty)
        if any(penalties):
            prompt, answer = self.tokens[: self.num_prompt], self.tokens[self.num_prompt :]
            found.append(Penalties(params, prompt, answer, vocabulary.num_tokens))
        if self._form:
            found.append(Mask(self._form))
        return found

    def logprob(self, token: int) -> TokenLogprob | None:
        """The log-probability of the token that comes out of the batch, if it is wanted."""
        num_top = self.request.sampling.num_top_logprobs
        if num_top is None or self._witness is None:
            return None
        return token_logprob(self._vocabulary, as_logits(self._witness.logits), token, num_top)
