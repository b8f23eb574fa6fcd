"""Serves the sequences of one model, step by step, with the batch generator of mlx-lm."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Any

from jupyter_llm.engines.common.pace import PrefillPace
from jupyter_llm.errors import InvalidRequestError, LLMError
from jupyter_llm.types import TokenChunk

from .arrays import core
from .counters import Counters
from .prefixes import Prefixes
from .runtime import Runtime
from .scorer import Scorer
from .sequence import Sequence
from .waiting import num_cells, to_admit, to_take_out

Event = tuple[Sequence, TokenChunk | LLMError]
Deliver = Callable[[list[Event]], None]

_NO_END = 1 << 40
"""Tokens of an answer as the generator sees it: where it ends is decided here."""


class Stepper:
    """All sequences that were begun and have not ended. Used by the engine's thread alone.

    The generator is always one token ahead: while a token is handed out, the next one is
    being computed. `deliver` gets what a step brought, at most once.
    """

    def __init__(self, runtime: Runtime, deliver: Deliver) -> None:
        from mlx_lm.generate import BatchGenerator

        mx, options = core(), runtime.options
        self._runtime = runtime
        self._deliver = deliver
        self._generator: Any = BatchGenerator(
            runtime.net,
            completion_batch_size=options.slots,
            prefill_batch_size=options.slots,
            prefill_step_size=options.batch_size,
            stream=mx.default_stream(mx.default_device()),
        )
        self._pace = PrefillPace(options.batch_size)
        self._prefixes = Prefixes()
        self._scorer = Scorer(runtime)
        self._waiting: deque[Sequence] = deque()
        self._running: list[Sequence] = []
        self.counters = Counters(options)

    @property
    def is_idle(self) -> bool:
        """Whether there is nothing to do."""
        return not self._waiting and not self._running

    @property
    def has_decoding(self) -> bool:
        """Whether anybody waits for the next token of an answer."""
        return any(not sequence.is_reading for sequence in self._running)

    def begin(self, sequence: Sequence) -> None:
        """Let a sequence wait for its turn."""
        self._waiting.append(sequence)

    def end_cancelled(self) -> None:
        """Take those out that nobody wants any more."""
        for sequence in [one for one in self._running if one.is_cancelled]:
            self._end(sequence)
        if any(sequence.is_cancelled for sequence in self._waiting):
            self._waiting = deque(one for one in self._waiting if not one.is_cancelled)

    def step(self) -> None:
        """Compute what is next of every sequence that runs."""
        started = time.perf_counter()
        self._make_room()
        self._admit()
        events = self._score()
        budget = self._pace.budget(others_decode=self.has_decoding)
        num_reading = sum(sequence.is_reading for sequence in self._running)
        self._generator.prefill_step_size = max(budget // max(num_reading, 1), 1)
        with self._generator.stats() as stats:
            read, drawn = self._generator.next()
        self._pace.observe(stats.prompt_tokens, stats.prompt_time)
        self.counters.note_prompts(stats.prompt_tokens)
        by_uid = {sequence.uid: sequence for sequence in self._running}
        for response in read:
            if response.end_of_prompt and response.uid in by_uid:
                events += self._begin_answer(by_uid[response.uid])
        for response in drawn:
            if response.uid in by_uid:
                events += self._take(by_uid[response.uid], response.token)
        compute_s = stats.prompt_time + stats.generation_time
        self.counters.note_step(len(drawn), compute_s, time.perf_counter() - started)
        if events:
            self._deliver(events)

    def note(self) -> None:
        """Count who is here."""
        kept = self._prefixes.num_bytes // max(self._runtime.cell_bytes, 1)
        self.counters.note_sequences(
            num_running=len(self._running),
            num_waiting=len(self._waiting),
            num_cells=sum(len(sequence.tokens) for sequence in self._running) + kept,
        )

    def give_up(self) -> list[Sequence]:
        """Forget all sequences, without touching a model that may be broken; who they were."""
        sequences = [*self._running, *self._waiting]
        self._running.clear()
        self._waiting.clear()
        return sequences

    def close(self) -> None:
        """Let go of the model and of all that was kept."""
        self._generator.close()
        self._generator = self._prefixes = self._scorer = None  # type: ignore[assignment] # the end

    def _make_room(self) -> None:
        cells = self._runtime.options.num_kv_cells
        while (sequence := to_take_out(self._running, cells)) is not None:
            self._remove(sequence)
            self._running.remove(sequence)
            self._waiting.appendleft(sequence)
            self.counters.num_preemptions += 1

    def _admit(self) -> None:
        options = self._runtime.options
        chosen = to_admit(
            self._waiting, self._running, slots=options.slots, cells=options.num_kv_cells
        )
        for sequence in chosen:
            self._waiting.remove(sequence)
            self._running.append(sequence)
            self._give_to_prefixes()
            if not sequence.is_scoring:
                self._start(sequence)

    def _score(self) -> list[Event]:
        """Read parts of prompts whose own log-probabilities are wanted, outside the batch."""
        events: list[Event] = []
        for sequence in [one for one in self._running if one.is_scoring]:
            sequence.note_start(0)
            cache = self._scorer.read(sequence)
            if cache is not None:
                self._insert(sequence, cache, sequence.num_prompt - 1)
                if echo := sequence.echo():
                    events.append((sequence, echo))
        return events

    def _start(self, sequence: Sequence) -> None:
        """Put a sequence into the batch, with what is known of its beginning."""
        cache, num_cached = self._prefixes.find(sequence.tokens)
        sequence.note_start(num_cached)
        self.counters.num_cached_tokens += num_cached
        self._insert(sequence, cache, num_cached)

    def _insert(self, sequence: Sequence, cache: Any, num_cached: int) -> None:
        sequence.is_reading = True
        (sequence.uid,) = self._generator.insert(
            [sequence.tokens[num_cached:]],
            max_tokens=[_NO_END],
            caches=[cache],
            all_tokens=[sequence.tokens[:num_cached]],
            samplers=[sequence.sampler()],
            logits_processors=[sequence.processors()],
        )

    def _begin_answer(self, sequence: Sequence) -> list[Event]:
        """The prompt is read: the first token comes with the next step."""
        sequence.is_reading = False
        if not sequence.is_answered:
            return []
        self._end(sequence)
        return [(sequence, sequence.end_unanswered())]

    def _take(self, sequence: Sequence, token: int) -> list[Event]:
        """Hand out a token; what ends the sequence takes it out of the batch."""
        num_tokens = len(sequence.tokens)
        try:
            chunk = sequence.take(token, sequence.logprob(token))
        except InvalidRequestError as error:  # the fault of this sequence's grammar alone
            self._end(sequence)
            return [(sequence, error)]
        if chunk is not None and chunk.finish_reason:
            self._end(sequence)
        elif len(sequence.tokens) > num_tokens + 1:
            self._go_on_from(sequence)
        return [] if chunk is None else [(sequence, chunk)]

    def _go_on_from(self, sequence: Sequence) -> None:
        """Begin again behind tokens that the answer has put in; the one being drawn is lost."""
        cache, tokens = self._remove(sequence)
        self._insert(sequence, cache, len(tokens))

    def _end(self, sequence: Sequence) -> None:
        """Take a sequence out and keep what was computed of it."""
        cache, tokens = self._remove(sequence)
        self._running.remove(sequence)
        self._prefixes.keep(tokens, cache)
        self._give_to_prefixes()

    def _remove(self, sequence: Sequence) -> tuple[Any, list[int]]:
        """Take a sequence out of the batch; its cache, and the tokens that are in it."""
        self._scorer.forget(sequence)
        removed = self._generator.remove([sequence.uid], return_prompt_caches=True)
        cache, tokens = removed.get(sequence.uid, (None, []))
        sequence.uid = None
        return cache, list(tokens)

    def _give_to_prefixes(self) -> None:
        """Let what is kept of old sequences have the cells that those running leave."""
        runtime = self._runtime
        free = runtime.options.num_kv_cells - num_cells(self._running)
        if runtime.cell_bytes:
            self._prefixes.shrink(max(free, 0) * runtime.cell_bytes)
