"""Those who wait for an engine's thread to serve their sequences."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Generic, Protocol, TypeVar

from jupyter_llm.errors import LLMError
from jupyter_llm.types import TokenChunk

S = TypeVar("S")
S_contra = TypeVar("S_contra", contravariant=True)
Item = TokenChunk | LLMError
NextChunk = Callable[[], Awaitable[TokenChunk]]


class Worker(Protocol[S_contra]):
    """The thread's side; callable from any thread."""

    def submit(self, sequence: S_contra, /) -> None:
        """Let a sequence take its turn."""

    def cancel(self, sequence: S_contra, /) -> None:
        """Take it out, wherever it stands; one that has ended already is no error."""


class Served(Generic[S]):
    """A queue for each sequence that is served. Used on one event loop."""

    def __init__(self) -> None:
        self._queues: dict[S, asyncio.Queue[Item]] = {}

    @contextmanager
    def by(self, worker: Worker[S], sequence: S) -> Iterator[NextChunk]:
        """Have a sequence served; yields what waits for its next chunk, and raises its error."""
        queue = self._queues[sequence] = asyncio.Queue()
        try:
            worker.submit(sequence)
            yield partial(_next, queue)
        finally:
            del self._queues[sequence]
            worker.cancel(sequence)

    def hand_out(self, events: Iterable[tuple[S, Item]]) -> None:
        """Give everybody what came for them; some have left meanwhile."""
        for sequence, item in events:
            if (queue := self._queues.get(sequence)) is not None:
                queue.put_nowait(item)


async def _next(queue: asyncio.Queue[Item]) -> TokenChunk:
    item = await queue.get()
    if isinstance(item, LLMError):
        raise item
    return item
