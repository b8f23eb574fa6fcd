"""Draw the next tokens of sequences from the logits of a step."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from jupyter_llm.engines.common.logprobs import token_logprob
from jupyter_llm.errors import InvalidRequestError, LLMError
from jupyter_llm.types import TokenChunk, TokenLogprob

from .runtime import Runtime
from .sampling import Sampler, logits_at
from .scheduler import Work
from .sequence import Sequence

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

Item = TokenChunk | LLMError | None
"""What a token brings its caller: text, an end, or nothing yet."""


class Drawer:
    """The samplers of all sequences of one context. Used by the engine's thread alone."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._samplers: dict[Sequence, Sampler] = {}

    @property
    def sequences(self) -> list[Sequence]:
        """Those that have a sampler: all that were begun and have not ended."""
        return list(self._samplers)

    def begin(self, sequence: Sequence) -> None:
        """Make the sampler of a new sequence."""
        self._samplers[sequence] = Sampler(
            self._runtime.llama,
            self._runtime.vocabulary,
            sequence.request.sampling,
            prompt=sequence.tokens,
            window=self._runtime.options.context_length,
        )

    def end(self, sequence: Sequence) -> None:
        """Free the sampler of a sequence."""
        self._samplers.pop(sequence).close()

    def draw(self, work: Work, index: int) -> list[Item]:
        """Draw from the logits at `index` and, as long as guesses are right, from those behind.

        What comes of each token, in order; the first tokens drawn, all but one, are the
        guesses that were right.
        """
        sequence = work.sequence
        items = [self._item(sequence, index)]
        for place, guess in enumerate(work.guesses, index + 1):
            is_right = sequence.num_pending == place - index and sequence.tokens[-1] == guess
            if is_end(items[-1]) or not is_right:
                break
            if sequence.form:
                sequence.form.fill()
            items.append(self._item(sequence, place))
        return items

    def close(self) -> Iterator[Sequence]:
        """Free all samplers; returns whose they were."""
        while self._samplers:
            sequence, sampler = self._samplers.popitem()
            sampler.close()
            yield sequence

    def _item(self, sequence: Sequence, index: int) -> Item:
        try:
            if sequence.is_answered:
                return sequence.end_unanswered()
            return self._take(sequence, index)
        except InvalidRequestError as error:  # the fault of this sequence's grammar alone
            return error

    def _take(self, sequence: Sequence, index: int) -> TokenChunk | None:
        form, num_top = sequence.form, sequence.request.sampling.num_top_logprobs
        sampler = self._samplers[sequence]
        if form is None and num_top is None:
            return sequence.take(sampler.sample(self._runtime.context, index), None)
        logits = self._logits(index)
        own = logits
        if form is not None:
            own = logits if num_top is None else logits.copy()
            form.forbid(logits)
        token = sampler.sample(self._runtime.context, index)
        return sequence.take(token, self._logprob(own, token, num_top))

    def _logits(self, index: int) -> npt.NDArray[np.float32]:
        runtime = self._runtime
        return logits_at(runtime.llama, runtime.context, index, runtime.vocabulary.num_tokens)

    def _logprob(
        self, logits: npt.NDArray[np.float32], token: int, num_top: int | None
    ) -> TokenLogprob | None:
        if num_top is None:
            return None
        return token_logprob(self._runtime.vocabulary, logits, token, num_top)


def is_end(item: Item) -> bool:
    """Whether nothing more comes for this sequence."""
    return isinstance(item, LLMError) or (item is not None and item.finish_reason is not None)
