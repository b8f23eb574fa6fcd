"""One request's chunks, on their way from the socket to whoever asked."""

from __future__ import annotations

import asyncio
from collections import deque

from jupyter_llm.errors import LLMError
from jupyter_llm.types import TokenChunk


class Stream:
    """Filled by the task that reads the socket, emptied by `async for`."""

    def __init__(self) -> None:
        self._chunks: deque[TokenChunk] = deque()
        self._changed = asyncio.Event()
        self._error: LLMError | None = None
        self.is_over = False

    def put(self, chunk: TokenChunk) -> None:
        """Append a chunk."""
        self._chunks.append(chunk)
        self._changed.set()

    def end(self, error: LLMError | None) -> None:
        """No chunk comes any more: because the request is complete, or because of `error`."""
        self.is_over = True
        self._error = error
        self._changed.set()

    def __aiter__(self) -> Stream:
        return self

    async def __anext__(self) -> TokenChunk:
        while not self._chunks:
            if self.is_over:
                raise self._error or StopAsyncIteration
            self._changed.clear()
            await self._changed.wait()
        return self._chunks.popleft()
