from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from jupyter_llm.errors import (
    EngineDiedError,
    InvalidRequestError,
    OverloadedError,
    StreamNotFoundError,
)
from jupyter_llm.manager import replays as module
from jupyter_llm.manager.replays import Replay, Replays


class Source:
    """Yields what it is given; knows whether it was closed."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[bytes | Exception | None] = asyncio.Queue()
        self.is_closed = False

    def say(self, *items: bytes | Exception | None) -> None:
        for item in items:
            self.queue.put_nowait(item)

    async def events(self) -> AsyncGenerator[bytes, None]:
        try:
            while (item := await self.queue.get()) is not None:
                if isinstance(item, Exception):
                    raise item
                yield item
        finally:
            self.is_closed = True


async def read(replay: Replay, after: int = 0, count: int = 1000) -> list[tuple[int, bytes]]:
    found = []
    async with asyncio.timeout(10), aclosing(replay.follow(after)) as events:
        async for event in events:
            found.append(event)
            if len(found) == count:
                break
    return found


async def test_who_comes_back_gets_what_was_missed_and_what_comes() -> None:
    source, replays = Source(), Replays(60)
    replay = replays.start("1", "", source.events())
    source.say(b"a", b"b", b"c")
    assert await read(replay, count=2) == [(1, b"a"), (2, b"b")]
    following = asyncio.create_task(read(replays.find("1", ""), after=2))
    await asyncio.sleep(0.01)
    source.say(b"d", None)
    assert await following == [(3, b"c"), (4, b"d")]
    assert await read(replays.find("1", "")) == [(1, b"a"), (2, b"b"), (3, b"c"), (4, b"d")]
    assert await read(replay, after=4) == []
    await replays.stop()


async def test_two_may_follow_at_a_time() -> None:
    source, replays = Source(), Replays(60)
    replay = replays.start("1", "", source.events())
    both = asyncio.gather(read(replay), read(replay))
    await asyncio.sleep(0.01)
    source.say(b"a", None)
    assert await both == [[(1, b"a")], [(1, b"a")]]
    await replays.stop()


async def test_nobody_else_finds_it() -> None:
    replays = Replays(60)
    replays.start("1", "ada", Source().events())
    for owner, name in (("", "1"), ("bob", "1"), ("ada", "2")):
        with pytest.raises(StreamNotFoundError):
            replays.find(name, owner)
    assert replays.find("1", "ada")
    await replays.stop()


async def test_without_followers_it_stops_after_the_grace() -> None:
    source, replays = Source(), Replays(0.05)
    replay = replays.start("1", "", source.events())
    source.say(b"a")
    assert await read(replay, count=1)
    await asyncio.sleep(0.02)
    assert await read(replay, count=1)
    assert not source.is_closed
    await asyncio.sleep(0.15)
    assert source.is_closed
    with pytest.raises(StreamNotFoundError):
        replays.find("1", "")


async def test_a_follower_keeps_it_running_longer_than_the_grace() -> None:
    source, replays = Source(), Replays(0.02)
    following = asyncio.create_task(read(replays.start("1", "", source.events())))
    await asyncio.sleep(0.1)
    source.say(b"a", None)
    assert await following == [(1, b"a")]
    assert replays.find("1", "")
    await asyncio.sleep(0.1)
    with pytest.raises(StreamNotFoundError):
        replays.find("1", "")


async def test_an_error_reaches_whoever_follows() -> None:
    source, replays = Source(), Replays(60)
    replay = replays.start("1", "", source.events())
    source.say(b"a", EngineDiedError("It broke."))
    for _ in range(2):
        with pytest.raises(EngineDiedError, match="broke"):
            await read(replay)
    await replays.stop()


async def test_what_is_ended_stops_at_once_for_those_who_follow() -> None:
    source, replays = Source(), Replays(60)
    following = asyncio.create_task(read(replays.start("1", "", source.events())))
    await asyncio.sleep(0.01)
    await replays.end("1", "")
    assert source.is_closed
    with pytest.raises(EngineDiedError, match="stopped"):
        await following
    with pytest.raises(StreamNotFoundError):
        await replays.end("1", "")


async def test_the_oldest_events_go_when_there_are_too_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MAX_BYTES", 10)
    source, replays = Source(), Replays(60)
    replay = replays.start("1", "", source.events())
    source.say(b"aaaa", b"bbbb", b"cccc", None)
    await asyncio.sleep(0.01)
    assert await read(replay, after=1) == [(2, b"bbbb"), (3, b"cccc")]
    with pytest.raises(InvalidRequestError, match="up to 1 ") as refused:
        await read(replay)
    assert refused.value.param == "after"
    await replays.stop()


async def test_there_are_only_so_many_and_ended_ones_make_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MAX_REPLAYS", 2)
    first, replays = Source(), Replays(60)
    replays.start("1", "", first.events())
    replays.start("2", "", Source().events())
    with pytest.raises(OverloadedError):
        replays.start("3", "", Source().events())
    first.say(None)
    await asyncio.sleep(0.01)
    replays.start("3", "", Source().events())
    assert replays.find("2", "")
    with pytest.raises(StreamNotFoundError):
        replays.find("1", "")
    await replays.stop()


async def test_where_there_is_no_grace_none_can_be_resumed() -> None:
    with pytest.raises(InvalidRequestError) as refused:
        Replays(0).start("1", "", Source().events())
    assert refused.value.param == "resumable"
