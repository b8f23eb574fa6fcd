"""The thread that owns a context: schedule, decode, sample, hand out, again."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from jupyter_llm.errors import EngineDiedError, LLMError, ModelLoadError
from jupyter_llm.types import TokenChunk

from .batch import Batch
from .bindings import log_lines
from .counters import Counters
from .drafter import Drafter
from .drawer import Drawer, is_end
from .embedder import Embedder, EmbeddingTask
from .image_batch import ImageBatch
from .kv_cache import KVCache
from .lookup import PromptLookup
from .masks import Masks
from .pace import PrefillPace
from .runtime import ContextMemory, Runtime
from .scheduler import Scheduler, Work
from .sequence import Sequence
from .sight import Span, num_positions

Event = tuple[Sequence, TokenChunk | LLMError]
Deliver = Callable[[list[Event]], None]
OnDeath = Callable[[EngineDiedError], None]

log = logging.getLogger(__name__)

DECODED = 0
NO_ROOM = 1
"""`llama_decode` found no cells for the batch; nothing was computed."""


class Worker:
    """Runs the sequences of one model until it is stopped.

    `deliver` is called on this thread, once per step, with everything the step
    brought. A sequence's chunks arrive in order, and nothing comes after its
    last chunk or its error.
    """

    def __init__(
        self,
        runtime: Runtime,
        deliver: Deliver,
        on_death: OnDeath,
        *,
        draft: Runtime | None = None,
    ) -> None:
        options = runtime.options
        self._runtime = runtime
        self._deliver = deliver
        self._on_death = on_death
        cache = KVCache(
            ContextMemory(runtime),
            num_cells=runtime.num_cells,
            num_sequences=options.num_sequences,
            keeps_prefixes=runtime.can_cut_state,
            position_behind=num_positions if runtime.counts_positions_apart else len,
        )
        self._scheduler = Scheduler(
            cache,
            slots=options.slots,
            batch_size=options.batch_size,
            spare_outputs=options.num_spare_outputs,
        )
        self._drafter = (
            Drafter(
                draft,
                num_outputs=options.num_spare_outputs,
                num_tokens=runtime.vocabulary.num_tokens,
            )
            if draft
            else None
        )
        self._looks_up = options.looks_up and runtime.can_cut_state
        self._batch = Batch(runtime.llama, options.batch_size)
        self._masks = Masks()
        self._pace = PrefillPace(options.batch_size)
        self._counters = Counters(options, cache, self._scheduler)
        self._drawer = Drawer(runtime)
        self._embedder = Embedder(runtime)
        self._inbox: deque[Sequence] = deque()
        self._wake = threading.Event()
        self._is_stopping = False
        self.stats = self._counters.snapshot()
        self._thread = threading.Thread(target=self._run, name="llama.cpp", daemon=True)
        self._thread.start()

    def submit(self, sequence: Sequence) -> None:
        """Let a sequence take its turn. Callable from any thread."""
        self._inbox.append(sequence)
        self._wake.set()

    def read(self, task: EmbeddingTask) -> None:
        """Let a task of texts take its turn. Callable from any thread."""
        self._embedder.submit(task)
        self._wake.set()

    def cancel(self, sequence: Sequence) -> None:
        """Take a sequence out before the next step. Callable from any thread."""
        sequence.is_cancelled = True
        self._wake.set()

    def stop(self) -> None:
        """End every sequence with an error, and the thread; waits for the current step."""
        self._is_stopping = True
        self._wake.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            while not self._is_stopping:
                self._take_orders()
                if self._scheduler.is_idle and self._embedder.is_idle:
                    self._rest()
                if not self._scheduler.is_idle:
                    self._step()
                if not self._embedder.is_idle:
                    self._embed()
        except EngineDiedError as error:
            self._die(error)
        except Exception as error:  # noqa: BLE001 - nobody above this thread could tell
            self._die(EngineDiedError(f"the llama.cpp engine failed: {error!r}"))
        else:
            self._fail_all(EngineDiedError("the model was unloaded while it answered"))
        finally:
            self._masks.close()

    def _die(self, error: EngineDiedError) -> None:
        log.error("%s", error, exc_info=error.__context__)
        self._fail_all(error)
        self._on_death(error)

    def _rest(self) -> None:
        self.stats = self._counters.snapshot()
        self._wake.wait()
        self._wake.clear()

    def _take_orders(self) -> None:
        while self._inbox:
            sequence = self._inbox.popleft()
            self._drawer.begin(sequence)
            if self._looks_up:
                sequence.guesser = PromptLookup()
            if self._drafter:
                self._drafter.begin(sequence)
            self._scheduler.add(sequence)
        for sequence in [s for s in self._drawer.sequences if s.is_cancelled]:
            self._end(sequence)

    def _end(self, sequence: Sequence) -> None:
        self._scheduler.remove(sequence)
        self._drawer.end(sequence)
        if self._drafter:
            self._drafter.end(sequence)

    def _step(self) -> None:
        started = time.perf_counter()
        budget = self._pace.budget(others_decode=self._scheduler.has_decoding)
        if self._drafter:
            self._drafter.draft(self._scheduler.running)
        works = self._scheduler.plan(budget)
        num_drawn, decode_s = 0, 0.0
        # llama.cpp takes tokens or vectors, never both, and whole images one by one
        texts = [work for work in works if work.span is None]
        for part in (texts, *([work] for work in works if work.span)):
            if not part:
                continue
            indices, part_s = self._compute(part)
            if indices is None:
                self._scheduler.preempt_youngest()
                break
            self._pace.observe(sum(w.num_tokens for w in part if w.is_prefill), part_s)
            num_drawn += self._postprocess(part, indices)
            self._counters.note_computed(part)
            decode_s += part_s
        self._counters.note_step(num_drawn, decode_s, time.perf_counter() - started)
        self.stats = self._counters.snapshot()

    def _compute(self, works: list[Work]) -> tuple[list[int] | None, float]:
        """Decode text, or one image.

        Returns where each one's last token stands, `None` if there was no room, and the
        seconds it took.
        """
        span = works[0].span
        image = self._image(works[0], span) if span else None
        indices = [image.last] if image else self._fill(works)
        struct = image.struct if image else self._batch.struct
        before = time.perf_counter()
        with self._masks.filled(work.sequence for work in works if work.draws):
            code = self._decode(struct, reads_whole=image is not None and image.reads_whole)
        decode_s = time.perf_counter() - before
        if code not in (DECODED, NO_ROOM):
            raise EngineDiedError(
                f"llama.cpp failed to compute a step (code {code}): {log_lines.errors()}"
            )
        return (indices if code == DECODED else None), decode_s

    def _decode(self, batch: Any, *, reads_whole: bool = False) -> int:
        llama, context = self._runtime.llama, self._runtime.context
        if not reads_whole:
            return int(llama.llama_decode(context, batch))
        llama.llama_set_causal_attn(context, False)
        try:
            return int(llama.llama_decode(context, batch))
        finally:
            llama.llama_set_causal_attn(context, True)

    def _image(self, work: Work, span: Span) -> ImageBatch:
        return ImageBatch(
            self._runtime.llama,
            span,
            start=work.sequence.num_computed,
            count=work.num_tokens,
            sequence_id=self._scheduler.id_of(work.sequence),
            logits=work.draws,
        )

    def _embed(self) -> None:
        """Read some of the texts whose vectors are wanted, between two steps."""
        try:
            num_tokens = self._embedder.step(others_decode=self._scheduler.has_decoding)
        except ModelLoadError as error:
            self._embedder.fail(error)
        else:
            self._counters.note_read(num_tokens)
            self.stats = self._counters.snapshot()

    def _fill(self, works: list[Work]) -> list[int]:
        """Put the work into the batch; returns where each one's last token stands."""
        self._batch.clear()
        indices = []
        for work in works:
            sequence, start = work.sequence, work.sequence.num_computed
            tokens = [*sequence.tokens[start : start + work.num_tokens], *work.guesses]
            sequence_id = self._scheduler.id_of(sequence)
            is_checked = sequence.is_scoring or bool(work.guesses)
            wants = {"logits": work.draws, "all_logits": is_checked}
            position = sequence.spans.position(start)
            last = self._batch.add(tokens, position, sequence_id, **wants)
            indices.append(last - len(work.guesses))
        return indices

    def _postprocess(self, works: list[Work], indices: list[int]) -> int:
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
            scores.note(self._runtime, work.sequence.num_computed, work.num_tokens, first)

    def _fail_all(self, error: EngineDiedError) -> None:
        """Tell every sequence, without touching a context that may be broken."""
        self._is_stopping = True
        self._embedder.close(error)
        sequences = [*self._drawer.close(), *self._inbox]
        self._inbox.clear()
        self._deliver([(sequence, error) for sequence in sequences])
