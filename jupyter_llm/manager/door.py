"""Who may enter an instance, who is inside, and when the last one left."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING

from jupyter_llm.manager.lifetime import Lifetime

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from jupyter_llm.manager.tickets import Shared
    from jupyter_llm.manager.turns import Turn, Turns


class Door:
    """The one way of a request into an instance, where it then waits for its turn.

    It is open unless the instance is drained for another model. `on_expire` is called
    when nobody was inside for the keep-alive, `on_departure` whenever a request left.
    """

    def __init__(
        self,
        turns: Turns,
        *,
        keep_alive_s: float,
        on_expire: Callable[[], None],
        on_departure: Callable[[], None],
    ) -> None:
        self.lifetime = Lifetime(keep_alive_s, on_expire)
        self.turns = turns
        self._num_aside = 0
        self._on_departure = on_departure
        self._drained_for: str | None = None
        self._open = _set_event()
        self._idle = _set_event()

    @property
    def is_open(self) -> bool:
        """Whether a request may enter now."""
        return self._open.is_set()

    @property
    def is_busy(self) -> bool:
        """Whether somebody is inside."""
        return self.num_inside > 0

    @property
    def num_inside(self) -> int:
        """Requests that run or wait inside."""
        return self.turns.num_inside + self._num_aside

    @contextmanager
    def entered(self, request: Shared, num_places: int) -> Iterator[Turn]:
        """Be one of `num_places` inside; the request may ask for another keep-alive.

        Raises:
            OverloadedError: All places are taken.
            TooManyRequestsError: Too many requests of the same user wait.
        """
        with self._held(request.keep_alive_s), self.turns.enter(request, num_places) as turn:
            self._idle.clear()
            yield turn

    @contextmanager
    def entered_aside(self, num_places: int, keep_alive_s: float | None) -> Iterator[None]:
        """Be inside without a turn, for what an engine does beside its work.

        Raises:
            OverloadedError: All places are taken.
        """
        with self._held(keep_alive_s):
            self.turns.check_place(self.num_inside, num_places)
            self._idle.clear()
            self._num_aside += 1
            try:
                yield
            finally:
                self._num_aside -= 1

    @contextmanager
    def _held(self, keep_alive_s: float | None) -> Iterator[None]:
        self.lifetime.hold()
        try:
            yield
        finally:
            if not self.is_busy:
                self._idle.set()
            self.lifetime.release(keep_alive_s)
            self._on_departure()

    def drain(self, for_id: str) -> None:
        """Let nobody in until the model `for_id` had its turn."""
        self._drained_for = for_id
        self._open.clear()

    def reopen(self, for_id: str) -> None:
        """Let requests in again, if it was drained for that model."""
        if self._drained_for == for_id:
            self.wake()

    def wake(self) -> None:
        """Let everybody look again who waits in `opened`."""
        self._drained_for = None
        self._open.set()

    async def opened(self) -> None:
        """Wait until the door is open."""
        await self._open.wait()

    async def idle(self) -> None:
        """Wait until nobody is inside."""
        await self._idle.wait()


def _set_event() -> asyncio.Event:
    event = asyncio.Event()
    event.set()
    return event
