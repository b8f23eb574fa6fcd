"""Requests that are answered at once and not token by token, on their way to a process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeVar

from msgspec.msgpack import decode

from jupyter_llm.errors import LLMError

if TYPE_CHECKING:
    from msgspec import Raw

T = TypeVar("T")


class Questions:
    """What was asked and is not answered yet, by the number that it was asked under."""

    def __init__(self) -> None:
        self._waiting: dict[int, asyncio.Future[Raw]] = {}

    @asynccontextmanager
    async def asked(self, number: int, kind: type[T]) -> AsyncIterator[Callable[[], Awaitable[T]]]:
        """Expect an answer of the type `kind` to question `number`, inside the block.

        The block gets what waits for it, and raises what the engine raised, or why its
        process is gone.
        """
        waiting: asyncio.Future[Raw] = asyncio.get_running_loop().create_future()
        self._waiting[number] = waiting

        async def answer() -> T:
            return decode(await waiting, type=kind)

        try:
            yield answer
        finally:
            self._waiting.pop(number, None)
            waiting.cancel()

    def settle(self, number: int, answer: Raw) -> None:
        """Hand an answer to who asked, unless they left."""
        if waiting := self._open(number):
            waiting.set_result(answer)

    def refuse(self, number: int, error: LLMError) -> None:
        """Tell who asked that there will be no answer."""
        if waiting := self._open(number):
            waiting.set_exception(error)

    def refuse_all(self, error: LLMError) -> None:
        """Tell everybody who has asked."""
        for number in tuple(self._waiting):
            self.refuse(number, error)

    def _open(self, number: int) -> asyncio.Future[Raw] | None:
        waiting = self._waiting.pop(number, None)
        return None if waiting is None or waiting.done() else waiting
