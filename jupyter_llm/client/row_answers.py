"""Many questions to one model, several at a time; what was answered before is not asked again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jupyter_llm.errors import (
    EngineDiedError,
    EngineUnavailableError,
    ForbiddenError,
    ModelFileError,
    ModelLoadError,
    ModelNotFoundError,
    OverloadedError,
    QuotaExceededError,
    ServerNotFoundError,
    TooManyRequestsError,
)

from .async_client import AsyncClient
from .cache import AnswerCache, cache_key
from .reply import GrowingReply
from .work import chat_work

if TYPE_CHECKING:
    from .progress import Count
    from .reply import Reply

MAX_TRIES = 5
"""Of a row that the server had no place for, or whose engine died."""

_MAX_DELAY_S = 60.0
_DELAY_S = 1.0
# what would befall every other row, too
_FATAL = (
    EngineUnavailableError,
    ForbiddenError,
    ModelFileError,
    ModelLoadError,
    ModelNotFoundError,
    QuotaExceededError,
    ServerNotFoundError,
)
_PASSING = (EngineDiedError, OverloadedError, TooManyRequestsError)


@dataclass(kw_only=True, slots=True)
class RowAnswers:
    """Asks about rows, `concurrency` at a time, and collects what comes of each.

    `make_body` makes the body of the request about a row, see `chat_body`; `read` makes the
    result of a reply; `count` is told how far the work is. With a `cache`, `identity` is that
    of the model.
    """

    client: AsyncClient
    make_body: Callable[[Any], dict[str, Any]]
    read: Callable[[Reply], Any]
    concurrency: int
    count: Count
    cache: AnswerCache | None = None
    identity: str = ""
    _results: dict[int, Any] = field(default_factory=dict)
    # the rows that ask the same as one that is being asked
    _followers: dict[bytes, list[int]] = field(default_factory=dict)

    async def of(self, rows: Mapping[int, Any]) -> dict[int, Any]:
        """A result for each row, by its number: an exception where the row failed.

        Raises:
            LLMError: What no row would be spared.
        """
        pending = iter(rows.items())
        num_workers = min(self.concurrency, len(rows))
        workers = [asyncio.create_task(self._ask_all(pending)) for _ in range(num_workers)]
        try:
            await asyncio.gather(*workers)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
        return self._results

    async def _ask_all(self, pending: Iterator[tuple[int, Any]]) -> None:
        for number, row in pending:
            try:
                body = self.make_body(row)
                await (self._ask_once(number, body) if self.cache else self._ask(number, body))
            except _FATAL:
                raise
            except Exception as exc:  # noqa: BLE001  # whatever a row does is that row's
                self._failed(number, exc)

    async def _ask(self, number: int, body: dict[str, Any]) -> Reply:
        reply = await self._patiently(body)
        self._results[number] = self.read(reply)
        self.count.asked += 1
        return reply

    async def _ask_once(self, number: int, body: dict[str, Any]) -> None:
        """Ask, unless the answer is kept or on its way."""
        key = cache_key(self.identity, body)
        if key in self._followers:
            self._followers[key].append(number)
        elif (kept := self._kept(key)) is not None:
            self._results[number] = self.read(kept)
            self.count.cached += 1
        else:
            await self._lead(key, number, body)

    async def _lead(self, key: bytes, number: int, body: dict[str, Any]) -> None:
        """Ask, keep the answer, and give it to the rows that asked the same meanwhile."""
        self._followers[key] = []
        try:
            reply = await self._ask(number, body)
        except Exception as exc:
            for follower in self._followers.pop(key):
                self._failed(follower, exc)
            raise
        if self.cache:
            self.cache.put(key, reply)
        for follower in self._followers.pop(key):
            self._results[follower] = self._results[number]
            self.count.cached += 1

    def _kept(self, key: bytes) -> Reply | None:
        return self.cache.get(key) if self.cache else None

    def _failed(self, number: int, error: Exception) -> None:
        self._results[number] = error
        self.count.failed += 1

    async def _patiently(self, body: dict[str, Any]) -> Reply:
        """The reply, asked for again where the server says that it will have a place."""
        for _ in range(MAX_TRIES - 1):
            try:
                return await _reply(self.client, body)
            except QuotaExceededError:
                raise
            except _PASSING as exc:
                await asyncio.sleep(min(exc.retry_after_s or _DELAY_S, _MAX_DELAY_S))
        return await _reply(self.client, body)


async def _reply(client: AsyncClient, body: dict[str, Any]) -> Reply:
    """In one piece, which is cheaper, unless a proxy may be in between that cuts long silences."""
    work = chat_work(body)
    if client.server.is_local:
        return await client.do(work)
    growing = GrowingReply()
    async for delta in client.stream(work):
        growing.add(delta)
    return growing.reply()
