"""Decide which tokens go into the next step.

Rules, in this order:

1. Waiting sequences are admitted oldest first while a slot is free and their
   prompt fits the cells that nobody uses; the first that does not fit ends the
   round, so that a long prompt is not overtaken for ever.
2. A waiting sequence whose prefix another one is computing right now is left
   waiting: in a moment it can copy what it would compute a second time.
3. Every sequence that is decoding gets its one token.
4. What is left of the step's budget goes to prompts, shared between users; of prompts
   whose tokens are scored no more than the step has places for logits. A prompt's text and
   its images take turns, and an image whose tokens look at each other comes whole.
5. When cells run out, the youngest sequence of the user who has most gives its cells
   back and waits again, at the front. The oldest never does, so something always finishes.
6. The first sequence of a user who has none running is admitted before others, and takes
   the cells of a user who has several.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from jupyter_llm.engines.common.fairness import makes_room, newcomers, to_preempt, user_of

from .fairness import shared_budget
from .kv_cache import KVCache, common_prefix
from .sequence import Sequence
from .sight import Span

HEADROOM_CELLS = 16
"""Cells left for each running sequence's answer when another one is admitted."""

WORTH_WAITING_FOR = 64
"""Tokens of a prefix being computed that are worth waiting for."""


@dataclass(frozen=True, slots=True)
class Work:
    """The next `num_tokens` of a sequence, to be computed in this step.

    `draws` says that these are all it has, so that its next token can be drawn
    from the last one's logits; `is_prefill` that they were not drawn just before.
    `guesses` are computed behind them, to be checked against what is drawn. `span` is the
    image that they are a part of, and nothing else.
    """

    sequence: Sequence
    num_tokens: int
    draws: bool
    is_prefill: bool
    guesses: tuple[int, ...] = ()
    span: Span | None = None

    @property
    def num_cells(self) -> int:
        """Cells that the step needs for it."""
        return self.num_tokens + len(self.guesses)


class Scheduler:
    """Sequences that wait and sequences that run, oldest first."""

    def __init__(
        self, cache: KVCache, *, slots: int, batch_size: int, spare_outputs: int = 1
    ) -> None:
        self.waiting: deque[Sequence] = deque()
        self.running: list[Sequence] = []
        self.num_preemptions = 0
        self.num_cached_tokens = 0
        self._cache = cache
        self._is_full = False
        self._refused: set[Sequence] = set()
        self._slots = slots
        self._batch_size = batch_size
        self._spare_outputs = spare_outputs

    @property
    def is_idle(self) -> bool:
        """Whether there is nothing to do."""
        return not self.waiting and not self.running

    @property
    def has_decoding(self) -> bool:
        """Whether anybody waits for the next token of an answer."""
        return any(sequence.is_decoding for sequence in self.running)

    def add(self, sequence: Sequence) -> None:
        """Let a new sequence wait for its turn."""
        self.waiting.append(sequence)

    def remove(self, sequence: Sequence) -> None:
        """Take a sequence out, wherever it stands; its cells stay as a prefix."""
        if sequence in self.running:
            self._stop(sequence)
        else:
            self.waiting.remove(sequence)
            self._refused.discard(sequence)

    def plan(self, prefill_budget: int) -> list[Work]:
        """Choose the work of the next step; its cells are free when this returns."""
        self._admit()
        while True:
            works = self._works(prefill_budget)
            if self._cache.reserve(sum(work.num_cells for work in works)):
                return works
            self.preempt_youngest()

    def complete(self, work: Work) -> None:
        """Book tokens that were computed."""
        sequence, start = work.sequence, work.sequence.num_computed
        end = start + work.num_tokens
        self._cache.extend(sequence.cache_id, sequence.tokens[start:end])
        sequence.num_computed = end

    def settle(self, work: Work, num_right: int) -> None:
        """Book the guesses that were right, which come first, and forget the others."""
        if not work.guesses:
            return
        sequence_id = work.sequence.cache_id
        self._cache.extend(sequence_id, work.guesses[:num_right])
        work.sequence.num_computed += num_right
        if num_right < len(work.guesses):
            self._cache.forget_guesses(sequence_id)
        work.sequence.learn(len(work.guesses), num_right)

    def preempt_youngest(self) -> None:
        """Take the cells of the one that came last, of who has most; it is computed again."""
        self._preempt(to_preempt(self.running))

    def _preempt(self, sequence: Sequence) -> None:
        self._stop(sequence)
        sequence.sequence_id = None
        sequence.num_computed = 0
        self.waiting.appendleft(sequence)
        self.num_preemptions += 1

    def _stop(self, sequence: Sequence) -> None:
        self.running.remove(sequence)
        self._cache.close(sequence.cache_id)
        # now that cells have come back, asking again may help
        self._is_full = False
        self._refused.clear()

    def _admit(self) -> None:
        for sequence in self._candidates():
            if len(self.running) >= self._slots:
                return
            if self._is_being_computed(sequence):
                continue
            if not self._has_room(sequence):
                self._is_full = True
                self._refused.add(sequence)
                return
            self.waiting.remove(sequence)
            self._start(sequence)

    def _candidates(self) -> list[Sequence]:
        """Who may be admitted, in this order."""
        if not self.waiting or len(self.running) >= self._slots:
            return []
        first = [one for one in newcomers(self.waiting, self.running) if one not in self._refused]
        if self._is_full:
            return first
        return first + [one for one in self.waiting if one not in first]

    def _has_room(self, sequence: Sequence) -> bool:
        """Whether it fits, where need be in the place of others of a user who has several."""
        while not self._cache.fits(sequence.tokens, self._promised_cells(), sequence.num_reusable):
            is_first = all(user_of(one) != user_of(sequence) for one in self.running)
            other = makes_room(self.running) if is_first else None
            if other is None:
                return False
            self._preempt(other)
        return True

    def _promised_cells(self) -> int:
        """Cells that the running sequences are about to take."""
        return sum(HEADROOM_CELLS + sequence.num_pending for sequence in self.running)

    def _start(self, sequence: Sequence) -> None:
        sequence.sequence_id, sequence.num_computed = self._cache.open(
            sequence.tokens, sequence.num_reusable
        )
        self.num_cached_tokens += sequence.num_computed
        sequence.note_start()
        self.running.append(sequence)

    def _is_being_computed(self, sequence: Sequence) -> bool:
        return any(
            not other.is_decoding
            and min(common_prefix(other.tokens, sequence.tokens), sequence.num_reusable)
            >= other.num_computed + WORTH_WAITING_FOR
            for other in self.running
        )

    def _works(self, prefill_budget: int) -> list[Work]:
        answers = self._of_answers()
        num_guesses = sum(len(work.guesses) for work in answers)
        budget = min(prefill_budget, self._batch_size - sum(work.num_cells for work in answers))
        return answers + self._of_prompts(budget, self._spare_outputs - num_guesses)

    def _of_answers(self) -> list[Work]:
        """The next token of every answer, and guesses as long as there are places for logits."""
        outputs = self._spare_outputs
        works = []
        for sequence in self.running:
            if sequence.is_decoding:
                guesses = sequence.guesses(outputs)
                outputs -= len(guesses)
                works.append(Work(sequence, 1, draws=True, is_prefill=False, guesses=guesses))
        return works

    def _of_prompts(self, budget: int, outputs: int) -> list[Work]:
        """Parts of prompts; `outputs` is how many logits may be scored."""
        works = []
        for sequence, part in shared_budget(self.running, budget):
            num_tokens = sequence.part(part)
            if sequence.is_scoring:
                num_tokens = min(num_tokens, outputs)
                outputs -= num_tokens
            if num_tokens:
                draws = num_tokens == sequence.num_pending
                span = sequence.spans.at(sequence.num_computed)
                works.append(Work(sequence, num_tokens, draws=draws, is_prefill=True, span=span))
        return works
