"""A request's texts, on their way to becoming vectors."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future

from jupyter_llm.errors import LLMError

from .inputs import Vector


class EmbeddingTask:
    """The texts of one request, as tokens.

    `waiting` holds those that nobody reads yet, each with its number. `future` gets a vector
    for each, or what has gone wrong; whoever cancels it takes the rest of the task back.
    """

    def __init__(self, texts: Sequence[list[int]]) -> None:
        self.future: Future[list[Vector]] = Future()
        self.waiting = deque(enumerate(texts))
        self._vectors: dict[int, Vector] = {}
        self._num_texts = len(texts)

    def take(self, number: int, vector: Vector) -> None:
        """Add the vector of a text; the last one completes the task."""
        self._vectors[number] = vector
        if len(self._vectors) == self._num_texts and self.future.set_running_or_notify_cancel():
            self.future.set_result([self._vectors[n] for n in range(self._num_texts)])

    def fail(self, error: LLMError) -> None:
        """End the task; whoever waits gets the error."""
        if not self.future.done() and self.future.set_running_or_notify_cancel():
            self.future.set_exception(error)
