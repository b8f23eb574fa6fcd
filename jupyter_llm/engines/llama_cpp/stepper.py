"""Serves the sequences of one context, step by step: plan, compute, draw, hand out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from jupyter_llm.engines.common.logprobs import Logits
from jupyter_llm.engines.common.pace import PrefillPace
from jupyter_llm.errors import LLMError
from jupyter_llm.types import TokenChunk

from .context_memory import ContextMemory
from .counters import Counters
from .decoder import Decoder, together
from .drafter import Drafter
from .drawer import Drawer, is_end
from .kv_cache import KVCache
from .lookup import PromptLookup
from .runtime import Runtime
from .sampling import logits_at
from .scheduler import Scheduler, Work
from .sequence import Sequence
from .sight import num_positions

Event = tuple[Sequence, TokenChunk | LLMError]
Deliver = Callable[[list[Event]], None]


class Stepper:
    """All sequences that were begun and have not ended. Used by the engine's thread alone.

    `deliver` gets what a step brought, at most once for its text and for each image in it.
    """

    def __init__(self, runtime: Runtime, deliver: Deliver, draft: Runtime | None) -> None:
        options = runtime.options
        cache = _cache(runtime)
        self._runtime = runtime
        self._deliver = deliver
        self._scheduler = Scheduler(
            cache,
            slots=options.slots,
            batch_size=options.batch_size,
            spare_outputs=options.num_spare_outputs,
        )
        self._drafter = _drafter(runtime, draft) if draft else None
        self._looks_up = options.looks_up and runtime.can_cut_state
        self._pace = PrefillPace(options.batch_size)
        self._decoder = Decoder(runtime)
        self._drawer = Drawer(runtime)
        can_fill_gaps = runtime.vocabulary.gap_tokens is not None
        self.counters = Counters(options, cache, self._scheduler, can_fill_gaps=can_fill_gaps)

    @property
    def is_idle(self) -> bool:
        """Whether there is nothing to do."""
        return self._scheduler.is_idle

    @property
    def has_decoding(self) -> bool:
        """Whether anybody waits for the next token of an answer."""
        return self._scheduler.has_decoding

    def begin(self, sequence: Sequence) -> None:
        """Let a sequence wait for its turn."""
        self._drawer.begin(sequence)
        if self._looks_up:
            sequence.guesser = PromptLookup()
        if self._drafter:
            self._drafter.begin(sequence)
        self._scheduler.add(sequence)

    def end_cancelled(self) -> None:
        """Take those out that nobody wants any more."""
        for sequence in self._drawer.sequences:
            if sequence.is_cancelled:
                self._end(sequence)

    def step(self) -> None:
        """Compute what is next of every sequence that runs.

        Raises:
            EngineDiedError: llama.cpp failed.
        """
        started = time.perf_counter()
        num_drawn, decode_s = 0, 0.0
        for works in together(self._plan()):
            computed = self._decoder.compute(works)
            if computed is None:
                self._scheduler.preempt_youngest()
                break
            num_read = sum(work.num_tokens for work in works if work.is_prefill)
            self._pace.observe(num_read, computed.duration_s)
            num_drawn += self._draw(works, computed.indices)
            self.counters.note_prompts(num_read)
            decode_s += computed.duration_s
        self.counters.note_step(num_drawn, decode_s, time.perf_counter() - started)

    def give_up(self) -> Iterator[Sequence]:
        """Free all samplers without touching a context that may be broken; whose they were."""
        return self._drawer.close()

    def close(self) -> None:
        """End the threads that help."""
        self._decoder.close()

    def _plan(self) -> list[Work]:
        budget = self._pace.budget(others_decode=self._scheduler.has_decoding)
        if self._drafter:
            self._drafter.draft(self._scheduler.running)
        return self._scheduler.plan(budget)

    def _draw(self, works: list[Work], indices: list[int]) -> int:
        """Draw, and hand out what comes of it; returns how many tokens were drawn."""
        events: list[Event] = []
        num_drawn = 0
        for work, index in zip(works, indices, strict=True):
            self._score(work, index)
            self._scheduler.complete(work)
            if not work.draws:
                continue
            if echo := work.sequence.echo():
                events.append((work.sequence, echo))
            items = self._drawer.draw(work, index)
            self._scheduler.settle(work, len(items) - 1)
            num_drawn += len(items)
            events += [(work.sequence, item) for item in items if item]
            if is_end(items[-1]):
                self._end(work.sequence)
        if events:
            self._deliver(events)
        return num_drawn

    def _score(self, work: Work, index: int) -> None:
        """Take the log-probabilities of a prompt's own tokens, where they are wanted."""
        scores = work.sequence.scores
        if scores and work.sequence.is_scoring:
            first = index - work.num_tokens + 1
            runtime, vocabulary = self._runtime, self._runtime.vocabulary

            def logits(place: int) -> Logits:
                return logits_at(
                    runtime.llama, runtime.context, first + place, vocabulary.num_tokens
                )

            scores.note(vocabulary, work.sequence.num_computed, work.num_tokens, logits)

    def _end(self, sequence: Sequence) -> None:
        self._scheduler.remove(sequence)
        self._drawer.end(sequence)
        if self._drafter:
            self._drafter.end(sequence)


def _cache(runtime: Runtime) -> KVCache:
    return KVCache(
        ContextMemory(runtime),
        num_cells=runtime.num_cells,
        num_sequences=runtime.options.num_sequences,
        keeps_prefixes=runtime.can_cut_state,
        position_behind=num_positions if runtime.counts_positions_apart else len,
    )


def _drafter(runtime: Runtime, draft: Runtime) -> Drafter:
    return Drafter(
        draft,
        num_outputs=runtime.options.num_spare_outputs,
        num_tokens=runtime.vocabulary.num_tokens,
    )
