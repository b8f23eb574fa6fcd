"""Guesses of a smaller model, for the few sequences that are being answered.

The smaller model reads what the other one has read and written, and goes on by itself:
greedily, one token of every sequence in each of its steps. What it says is checked by the
other model in one step. Its cache follows: it holds the guesses that were right, and the
others are cut off before it guesses again.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Sequence as Tokens
from dataclasses import dataclass, field

import numpy as np

from .batch import Batch
from .context_memory import ContextMemory
from .decode import is_decoded
from .eagerness import MAX_GUESSES, Eagerness
from .kv_cache import KVCache, common_prefix
from .runtime import Runtime
from .sampling import logits_at
from .sequence import Sequence

LONGEST_PAUSE = 128
"""Tokens to wait at most after guesses that were wrong: reading on costs little then."""

CATCH_UP_TOKENS = 256
"""Tokens read at most before a step of the model, so that long prompts hold nobody up."""


class Drafts:
    """The guesses for one sequence."""

    def __init__(self) -> None:
        self._eagerness = Eagerness(LONGEST_PAUSE)
        self._guesses: tuple[int, ...] = ()
        self._num_tokens = 0

    def wanted(self, num_tokens: int) -> int:
        """Tokens to guess behind `num_tokens`; none where they were guessed already."""
        if self._guesses and num_tokens == self._num_tokens:
            return 0
        return self._eagerness.wanted(num_tokens)

    def offer(self, num_tokens: int, guesses: Tokens[int]) -> None:
        """Keep what was guessed behind `num_tokens`."""
        self._num_tokens, self._guesses = num_tokens, tuple(guesses)

    def guess(self, tokens: Tokens[int], limit: int) -> tuple[int, ...]:
        """What was offered for these very tokens. See `Guesser.guess`."""
        return self._guesses[: max(limit, 0)] if len(tokens) == self._num_tokens else ()

    def learn(self, num_tokens: int, num_guessed: int, num_right: int) -> None:
        """Guess more or less from now on. See `Guesser.learn`."""
        self._eagerness.learn(num_tokens, num_guessed, num_right)


@dataclass(slots=True)
class _Held:
    """What the draft model's cache has of a sequence.

    The first `num_tokens` of its tokens are booked as `sequence_id`; `guesses` were
    computed behind them.
    """

    sequence_id: int
    num_tokens: int
    guesses: list[int] = field(default_factory=list)


@dataclass(slots=True)
class _Draft:
    """A sequence that is guessed for now: up to `num_wanted` tokens, and what came so far."""

    sequence: Sequence
    held: _Held
    num_wanted: int
    guesses: list[int] = field(default_factory=list)


class Drafter:
    """The draft model's context. Used by the engine's thread alone.

    A step of the model has places for the logits of `num_outputs` guesses, whose tokens
    are below `num_tokens`.
    """

    def __init__(self, draft: Runtime, *, num_outputs: int, num_tokens: int) -> None:
        self._draft = draft
        self._num_outputs = num_outputs
        self._num_tokens = min(num_tokens, draft.vocabulary.num_tokens)
        self._max_drafted = draft.options.slots
        self._budget = min(CATCH_UP_TOKENS, draft.options.batch_size)
        self._batch = Batch(draft.llama, draft.options.batch_size)
        self._drafts: dict[Sequence, Drafts] = {}
        self._held: dict[Sequence, _Held] = {}
        self.cache = KVCache(
            ContextMemory(draft),
            num_cells=draft.num_cells,
            num_sequences=draft.options.num_sequences,
            keeps_prefixes=True,
        )

    def begin(self, sequence: Sequence) -> None:
        """Guess for a new sequence from its first token on, unless there are images to see."""
        if not sequence.spans:
            sequence.guesser = self._drafts[sequence] = Drafts()

    def draft(self, running: Iterable[Sequence]) -> None:
        """Guess for those of `running` that are being answered, unless they are too many."""
        decoding = [sequence for sequence in running if sequence.is_decoding]
        self._settle(decoding)
        if not 0 < len(decoding) <= self._max_drafted:
            return
        limit = self._num_outputs // len(decoding)
        drafts = self._read(self._wishes(decoding, limit))
        while drafts := [one for one in drafts if len(one.guesses) < one.num_wanted]:
            drafts = self._go_on(drafts)

    def end(self, sequence: Sequence) -> None:
        """Forget a sequence."""
        self._let_go(sequence)
        self._drafts.pop(sequence, None)

    def _settle(self, decoding: list[Sequence]) -> None:
        """Book the guesses that came true, and let go of whoever has left."""
        for sequence in self._held.keys() - set(decoding):
            self._let_go(sequence)
        for sequence, held in self._held.items():
            right = common_prefix(held.guesses, sequence.tokens[held.num_tokens :])
            self.cache.extend(held.sequence_id, held.guesses[:right])
            if right < len(held.guesses):
                self.cache.forget_guesses(held.sequence_id)
            held.num_tokens += right
            held.guesses = []

    def _wishes(self, decoding: list[Sequence], limit: int) -> list[_Draft]:
        """Who is guessed for, as far as there is room to read what they have."""
        drafts = []
        for sequence in filter(self._drafts.__contains__, decoding):
            wanted = self._drafts[sequence].wanted(len(sequence.tokens))
            num_wanted = min(limit, sequence.num_guessable, wanted)
            if num_wanted > 0 and (held := self._hold(sequence)):
                drafts.append(_Draft(sequence, held, num_wanted))
        return drafts

    def _hold(self, sequence: Sequence) -> _Held | None:
        held = self._held.get(sequence)
        if held is None and self.cache.fits(sequence.tokens, MAX_GUESSES):
            held = self._held[sequence] = _Held(*self.cache.open(sequence.tokens))
        return held

    def _let_go(self, sequence: Sequence) -> None:
        """Give the cells of a sequence back; they stay as a prefix until they are needed."""
        if held := self._held.pop(sequence, None):
            if held.guesses:
                self.cache.forget_guesses(held.sequence_id)
            self.cache.close(held.sequence_id)

    def _read(self, drafts: list[_Draft]) -> list[_Draft]:
        """Read what is new, as much as may be; returns those that have a first guess now."""
        self._batch.clear()
        ready: list[_Draft] = []
        indices = []
        num_promised, budget = 0, self._budget
        for one in drafts:
            held, pending = one.held, one.sequence.tokens[one.held.num_tokens :]
            chunk = pending[:budget]
            if not chunk:
                break
            num_promised += one.num_wanted
            is_known = max(chunk) < self._num_tokens
            if not is_known or not self.cache.reserve(len(chunk) + num_promised):
                self._let_go(one.sequence)
                continue
            is_all = len(chunk) == len(pending)
            index = self._batch.add(chunk, held.num_tokens, held.sequence_id, logits=is_all)
            self.cache.extend(held.sequence_id, chunk)
            held.num_tokens += len(chunk)
            budget -= len(chunk)
            if is_all:
                ready.append(one)
                indices.append(index)
        return self._guessed(ready, indices)

    def _go_on(self, drafts: list[_Draft]) -> list[_Draft]:
        """Compute the last guess of each, for the next one."""
        self._batch.clear()
        indices = []
        for one in drafts:
            held, token = one.held, one.guesses[-1]
            position = held.num_tokens + len(held.guesses)
            indices.append(self._batch.add([token], position, held.sequence_id, logits=True))
            held.guesses.append(token)
        return self._guessed(drafts, indices)

    def _guessed(self, drafts: list[_Draft], indices: list[int]) -> list[_Draft]:
        """Compute the batch and take the likeliest tokens; none where there was no room."""
        if not self._batch.struct.n_tokens or not self._is_computed():
            return []
        for one, index in zip(drafts, indices, strict=True):
            one.guesses.append(self._likeliest(index))
            self._drafts[one.sequence].offer(len(one.sequence.tokens), one.guesses)
        return drafts

    def _likeliest(self, index: int) -> int:
        draft = self._draft
        return int(np.argmax(logits_at(draft.llama, draft.context, index, self._num_tokens)))

    def _is_computed(self) -> bool:
        draft, what = self._draft, "a step of the draft model"
        if is_decoded(draft.llama, draft.context, self._batch.struct, what=what):
            return True
        for held in self._held.values():  # the books are wrong: begin them anew
            self.cache.drop(held.sequence_id)
        self._held.clear()
        return False
