"""Answers that go on without their reader, who may come back for what was missed."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING

from jupyter_llm.errors import (
    EngineDiedError,
    InvalidRequestError,
    OverloadedError,
    StreamNotFoundError,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

MAX_REPLAYS = 64
"""Answers kept at a time, those that still run among them."""

MAX_BYTES = 8 * 1024 * 1024
"""Of one answer's events; the oldest go first."""


class Replay:
    """One answer's events, numbered from 1, and those who follow it.

    It runs as a task of its own. When nobody has followed it for `grace_s` it is given up,
    whether it still runs or not, and `on_given_up` is called.
    """

    def __init__(
        self,
        events: AsyncGenerator[bytes, None],
        *,
        grace_s: float,
        on_given_up: Callable[[], object],
    ) -> None:
        self._grace_s = grace_s
        self._on_given_up = on_given_up
        self._kept: deque[bytes] = deque()
        self._num_bytes = 0
        self._num_dropped = 0
        self._num_followers = 0
        self._error: Exception | None = None
        self._news = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._task = asyncio.create_task(self._run(events))
        self._wait_for_followers()

    @property
    def is_over(self) -> bool:
        """Whether no event comes any more."""
        return self._task.done()

    async def follow(self, after: int) -> AsyncGenerator[tuple[int, bytes], None]:
        """Every event behind number `after` with its number, those to come as they come.

        Raises:
            InvalidRequestError: The first of them are not kept any more.
            Exception: What ended the answer before it was complete.
        """
        self._num_followers += 1
        if self._timer is not None:
            self._timer.cancel()
        try:
            while True:
                news = self._news
                for number, event in self._behind(after):
                    after = number
                    yield number, event
                if news is not self._news:
                    continue
                if self.is_over:
                    break
                await news.wait()
            if self._error is not None:
                raise self._error
        finally:
            self._num_followers -= 1
            if not self._num_followers:
                self._wait_for_followers()

    async def end(self) -> None:
        """Stop the answer; returns when what computes it has stopped."""
        if self._timer is not None:
            self._timer.cancel()
        self._task.cancel()
        await asyncio.wait({self._task})

    def _behind(self, after: int) -> list[tuple[int, bytes]]:
        if after < self._num_dropped:
            raise InvalidRequestError(
                f"The events up to {self._num_dropped} of this answer are not kept any more. "
                "Ask for it anew.",
                param="after",
            )
        last = self._num_dropped + len(self._kept)
        return [(n, self._kept[n - self._num_dropped - 1]) for n in range(after + 1, last + 1)]

    async def _run(self, events: AsyncGenerator[bytes, None]) -> None:
        try:
            async with aclosing(events):
                async for event in events:
                    self._keep(event)
        except asyncio.CancelledError:
            self._error = EngineDiedError("The answer was stopped.")
        except Exception as error:  # noqa: BLE001 - it is raised to who follows
            self._error = error
        finally:
            asyncio.get_running_loop().call_soon(self._tell)

    def _keep(self, event: bytes) -> None:
        self._kept.append(event)
        self._num_bytes += len(event)
        while self._num_bytes > MAX_BYTES:
            self._num_bytes -= len(self._kept.popleft())
            self._num_dropped += 1
        self._tell()

    def _tell(self) -> None:
        """Wake whoever waits for news."""
        self._news.set()
        self._news = asyncio.Event()

    def _wait_for_followers(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._grace_s, self._give_up)

    def _give_up(self) -> None:
        self._task.cancel()
        self._on_given_up()


class Replays:
    """The answers that can be picked up again, by their ids; with a `grace_s` of 0 none can."""

    def __init__(self, grace_s: float) -> None:
        self.grace_s = grace_s
        self._replays: dict[tuple[str, str], Replay] = {}

    def start(self, answer_id: str, owner: str, events: AsyncGenerator[bytes, None]) -> Replay:
        """Let an answer run, for its owner to follow.

        Raises:
            InvalidRequestError: None can be picked up here, or the owner has one of this id.
            OverloadedError: Too many are running already.
        """
        if not self.grace_s:
            raise InvalidRequestError(
                "This server keeps no streams to resume: 'resume_grace_s' is 0. Leave "
                "'resumable' out.",
                param="resumable",
            )
        key = (owner, answer_id)
        if key in self._replays:
            raise InvalidRequestError(
                f"There is a stream {answer_id!r} already. Give each one an id of its own.",
                param="stream_id",
            )
        self._make_room()
        replay = Replay(
            events,
            grace_s=self.grace_s,
            on_given_up=partial(self._forget, key),
        )
        self._replays[key] = replay
        return replay

    def find(self, answer_id: str, owner: str) -> Replay:
        """The answer of this id, if it is this owner's.

        Raises:
            StreamNotFoundError: It is not, or there is none, or none any more.
        """
        replay = self._replays.get((owner, answer_id))
        if replay is None:
            raise StreamNotFoundError(
                f"There is no stream {answer_id!r} to go on with: streams are kept where a "
                f"request has 'resumable': true, for {self.grace_s:g} seconds after their reader "
                "left."
            )
        return replay

    async def end(self, answer_id: str, owner: str) -> None:
        """Stop an answer and forget it.

        Raises:
            StreamNotFoundError: There is none of this id and owner.
        """
        replay = self.find(answer_id, owner)
        del self._replays[(owner, answer_id)]
        await replay.end()

    async def stop(self) -> None:
        """Stop them all."""
        replays, self._replays = self._replays, {}
        await asyncio.gather(*(replay.end() for replay in replays.values()))

    def _forget(self, key: tuple[str, str]) -> None:
        self._replays.pop(key, None)

    def _make_room(self) -> None:
        if len(self._replays) < MAX_REPLAYS:
            return
        over = next((name for name, one in self._replays.items() if one.is_over), None)
        if over is None:
            raise OverloadedError(
                f"{MAX_REPLAYS} resumable streams are running. Try later, or leave 'resumable' "
                "out.",
                retry_after_s=self.grace_s,
            )
        del self._replays[over]
