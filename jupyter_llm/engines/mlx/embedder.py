"""Reads texts for their vectors: the requests take turns, text by text."""

from __future__ import annotations

import time
from collections import deque
from typing import Any

import numpy as np

from jupyter_llm.engines.common.embedding import EmbeddingTask
from jupyter_llm.engines.common.inputs import Vector
from jupyter_llm.engines.common.pace import PrefillPace
from jupyter_llm.errors import LLMError

from .arrays import core
from .runtime import Runtime


class _Text:
    """The text that is being read."""

    def __init__(self, task: EmbeddingTask, cache: Any) -> None:
        self.task = task
        self.number, self.tokens = task.waiting.popleft()
        self.cache = cache
        self.num_read = 0
        self.total: Vector | None = None


class Embedder:
    """Belongs to the engine's thread, which calls `step`; others only `submit`."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._inbox: deque[EmbeddingTask] = deque()
        self._tasks: deque[EmbeddingTask] = deque()
        self._text: _Text | None = None
        self._pace = PrefillPace(runtime.options.batch_size)
        self._error: LLMError | None = None

    @property
    def is_idle(self) -> bool:
        """Whether there is nothing to do."""
        return not (self._inbox or self._tasks or self._text)

    def submit(self, task: EmbeddingTask) -> None:
        """Let a task take its turn. Callable from any thread."""
        self._inbox.append(task)
        if self._error:
            self._fail(self._error)

    def close(self, error: LLMError) -> None:
        """End everything, and whatever still comes."""
        self._error = error
        self._fail(error)

    def step(self, *, others_decode: bool) -> int:
        """Read a part of a text; returns how many tokens."""
        while self._inbox:
            self._tasks.append(self._inbox.popleft())
        text = self._next()
        if text is None:
            return 0
        started = time.perf_counter()
        part = text.tokens[text.num_read :][: self._pace.budget(others_decode=others_decode)]
        states = self._runtime.states([part], cache=text.cache)[0].astype(core().float32)
        self._note(text, states)
        text.num_read += len(part)
        self._pace.observe(len(part), time.perf_counter() - started)
        if text.num_read == len(text.tokens):
            self._complete(text)
        return len(part)

    def _next(self) -> _Text | None:
        if self._text and self._text.task.future.cancelled():
            self._text = None
        while self._text is None and self._tasks:
            task = self._tasks.popleft()
            if not task.future.cancelled():
                self._text = _Text(task, self._runtime.new_cache())
        return self._text

    def _note(self, text: _Text, states: Any) -> None:
        """Add the states of the tokens just read, or remember the last of them."""
        if self._runtime.folder.pools_last:
            text.total = np.array(states[-1])
            return
        part = np.array(states.sum(axis=0))
        text.total = part if text.total is None else text.total + part

    def _complete(self, text: _Text) -> None:
        self._text = None
        if text.total is None:
            raise RuntimeError("a text of no tokens has no vector")
        # of length 1 in the end, so that the sum points where the mean does
        text.task.take(text.number, text.total)
        if text.task.waiting:
            self._tasks.append(text.task)

    def _fail(self, error: LLMError) -> None:
        tasks = [*self._tasks, *([self._text.task] if self._text else ())]
        while self._inbox:
            tasks.append(self._inbox.popleft())
        self._tasks.clear()
        self._text = None
        for task in tasks:
            task.fail(error)
