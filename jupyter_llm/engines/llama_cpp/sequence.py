"""One request on its way through the engine."""

from __future__ import annotations

import time
from itertools import takewhile

from jupyter_llm.chat.grammar.form import Form
from jupyter_llm.chat.split import Split
from jupyter_llm.engines.common import sequence
from jupyter_llm.engines.common.vocabulary import Pieces
from jupyter_llm.types import GenerationRequest

from .eagerness import Guesser
from .sight import Spans


class Sequence(sequence.Sequence):
    """A request's tokens, and which of them are in the KV cache.

    The first `num_computed` are, as `sequence_id`; `form` is what the answer is held to,
    `spans` are the images among the tokens.
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
        super().__init__(request, prompt, pieces, room=room, gate=form, split=split)
        self.num_computed = 0
        self.sequence_id: int | None = None
        self.form = form
        self.spans = spans or Spans()
        self.guesser: Guesser | None = None

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
    def is_decoding(self) -> bool:
        """Whether a single token stands between this sequence and its next one."""
        return self.num_pending == 1 and self.num_completion > 0

    @property
    def num_guessable(self) -> int:
        """Tokens that the answer may still have behind the next one to be drawn."""
        return self.num_left - 1

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
