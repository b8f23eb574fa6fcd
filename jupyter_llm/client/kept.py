"""Asking a model, unless the answer is on disk already."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, closing
from typing import TYPE_CHECKING, Any

from jupyter_llm.errors import AnswerFormatError

from .cache import AnswerCache, cache_key
from .reply import GrowingReply, Reply

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator

    from .async_client import AsyncClient
    from .client import Client
    from .stream import ChatDelta
    from .work import Work

    Check = Callable[[Reply], Any]

_WHOLE = {"stop", "tool_calls"}


def ask_once(client: Client, work: Work[Reply], check: Check) -> Generator[ChatDelta, None, None]:
    """The reply as deltas: one, where it was kept. Those that `check` refuses are not kept."""
    key = cache_key(client.identity(_model(work)), work.body or {})
    if kept := _kept(key):
        yield kept.delta()
        return
    growing = GrowingReply()
    with closing(client.stream(work)) as deltas:
        for delta in deltas:
            growing.add(delta)
            yield delta
    _keep(key, growing.reply(), check)


async def aask_once(
    client: AsyncClient, work: Work[Reply], check: Check
) -> AsyncGenerator[ChatDelta, None]:
    """The same in an event loop."""
    key = cache_key(await client.identity(_model(work)), work.body or {})
    if kept := await asyncio.to_thread(_kept, key):
        yield kept.delta()
        return
    growing = GrowingReply()
    async with aclosing(client.stream(work)) as deltas:
        async for delta in deltas:
            growing.add(delta)
            yield delta
    await asyncio.to_thread(_keep, key, growing.reply(), check)


def _model(work: Work[Reply]) -> str | None:
    return (work.body or {}).get("model")


def _kept(key: bytes) -> Reply | None:
    with AnswerCache() as cache:
        return cache.get(key)


def _keep(key: bytes, reply: Reply, check: Check) -> None:
    if reply.finish_reason not in _WHOLE:
        return
    try:
        check(reply)
    except AnswerFormatError:
        return
    with AnswerCache() as cache:
        cache.put(key, reply)
