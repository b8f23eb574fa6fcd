"""Reads texts for their vectors: many at a time, each request in its turn."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from jupyter_llm.engines.common.embedding import EmbeddingTask
from jupyter_llm.engines.common.pace import PrefillPace

from .embedding_context import MAX_TEXTS
from .purpose import Pooling

if TYPE_CHECKING:
    from jupyter_llm.errors import LLMError

    from .embedding_context import EmbeddingContext, Vector
    from .runtime import Runtime


class _Text:
    """A text on its way through the context, as `sequence_id` once it is in."""

    def __init__(self, task: EmbeddingTask, number: int, tokens: list[int]) -> None:
        self.task = task
        self.number = number
        self.tokens = tokens
        self.num_computed = 0
        self.sequence_id = -1
        self._vector: Vector | None = None

    @property
    def num_pending(self) -> int:
        return len(self.tokens) - self.num_computed

    def take(self, rows: Vector, pooling: Pooling) -> None:
        """Add the vectors of the tokens just computed."""
        if pooling is Pooling.CLS:
            self._vector = rows[0].copy() if self._vector is None else self._vector
        elif pooling is Pooling.LAST:
            self._vector = rows[-1].copy()
        else:
            total = rows.sum(axis=0, dtype=np.float32)
            self._vector = total if self._vector is None else self._vector + total
        self.num_computed += len(rows)

    def vector(self, pooling: Pooling) -> Vector:
        """The vector of the whole text, of whatever length."""
        if self._vector is None:
            raise RuntimeError("a text of no tokens has no vector")
        is_sum = pooling is Pooling.MEAN
        return self._vector / np.float32(len(self.tokens)) if is_sum else self._vector


class Embedder:
    """Belongs to the engine's thread, which calls `step`; others only `submit`.

    Requests take turns, text by text. A text is admitted when it fits beside those that
    are in the context, so that it is always read to its end.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._inbox: deque[EmbeddingTask] = deque()
        self._tasks: deque[EmbeddingTask] = deque()
        self._active: list[_Text] = []
        self._free_ids = list(range(MAX_TEXTS))
        self._pace = PrefillPace(runtime.options.batch_size)
        self._error: LLMError | None = None

    @property
    def is_idle(self) -> bool:
        """Whether there is nothing to do."""
        return not (self._inbox or self._tasks or self._active)

    def submit(self, task: EmbeddingTask) -> None:
        """Let a task take its turn. Callable from any thread."""
        self._inbox.append(task)
        if self._error:
            self.fail(self._error)

    def close(self, error: LLMError) -> None:
        """End everything, and whatever still comes."""
        self._error = error
        self.fail(error)

    def fail(self, error: LLMError) -> None:
        """End everything that is here, without touching the context."""
        tasks = [*self._drained(), *self._tasks, *(text.task for text in self._active)]
        self._tasks.clear()
        self._active.clear()
        for task in tasks:
            task.fail(error)

    def step(self, *, others_decode: bool) -> int:
        """Read a few tokens; returns how many.

        Raises:
            EngineDiedError: llama.cpp failed to compute them.
            ModelLoadError: There is no memory for a context.
        """
        context = self._runtime.embedding_context()
        self._tasks.extend(self._drained())
        self._drop_cancelled(context)
        self._admit(context)
        works = self._plan(context, others_decode=others_decode)
        if not works:
            return 0
        started = time.perf_counter()
        self._compute(context, works)
        num_tokens = sum(count for _, count in works)
        self._pace.observe(num_tokens, time.perf_counter() - started)
        return num_tokens

    def _drained(self) -> Iterator[EmbeddingTask]:
        while self._inbox:
            yield self._inbox.popleft()

    def _drop_cancelled(self, context: EmbeddingContext) -> None:
        self._tasks = deque(task for task in self._tasks if not task.future.cancelled())
        for text in [text for text in self._active if text.task.future.cancelled()]:
            self._end(context, text)

    def _admit(self, context: EmbeddingContext) -> None:
        room = context.size.num_cells - sum(len(text.tokens) for text in self._active)
        while self._tasks and self._free_ids:
            task = self._tasks[0]
            number, tokens = task.waiting[0]
            if len(tokens) > room:
                return
            task.waiting.popleft()
            text = _Text(task, number, tokens)
            room -= len(tokens)
            text.sequence_id = self._free_ids.pop()
            self._active.append(text)
            self._tasks.popleft()
            if task.waiting:
                self._tasks.append(task)

    def _plan(self, context: EmbeddingContext, *, others_decode: bool) -> list[tuple[_Text, int]]:
        """Which texts to read on, and how many tokens of each."""
        budget = context.size.step_tokens
        if not self._runtime.purpose.reads_whole:
            budget = min(budget, self._pace.budget(others_decode=others_decode))
        works = []
        for text in self._active:
            if count := min(text.num_pending, budget):
                works.append((text, count))
                budget -= count
        return works

    def _compute(self, context: EmbeddingContext, works: list[tuple[_Text, int]]) -> None:
        batch = context.batch
        batch.clear()
        for text, count in works:
            tokens = text.tokens[text.num_computed : text.num_computed + count]
            batch.add(tokens, text.num_computed, text.sequence_id, logits=True)
        rows, start = context.compute(), 0
        for text, count in works:
            text.take(rows[start : start + count], context.pooling)
            start += count
            if not text.num_pending:
                self._complete(context, text)

    def _complete(self, context: EmbeddingContext, text: _Text) -> None:
        if context.pooling is Pooling.RANK:
            vector = context.scores(text.sequence_id)
        else:
            vector = text.vector(context.pooling)
        self._end(context, text)
        text.task.take(text.number, vector)

    def _end(self, context: EmbeddingContext, text: _Text) -> None:
        context.forget(text.sequence_id)
        self._active.remove(text)
        self._free_ids.append(text.sequence_id)
