"""Who may enter an instance, who is inside, and when the last one left."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING

from jupyter_llm.manager.lifetime import Lifetime
from jupyter_llm.manager.turns import Turns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from jupyter_llm.manager.turns import Turn
    from jupyter_llm.types import GenerationRequest


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
        return self.turns.num_inside > 0

    @property
    def num_inside(self) -> int:
        """Requests that run or wait inside."""
        return self.turns.num_inside

    @contextmanager
    def entered(self, request: GenerationRequest, num_places: int) -> Iterator[Turn]:
        """Be one of `num_places` inside; the request may ask for another keep-alive.

        Raises:
            OverloadedError: All places are taken.
            TooManyRequestsError: Too many requests of the same user wait.
        """
        self.lifetime.hold()
        try:
            with self.turns.enter(request, num_places) as turn:
                self._idle.clear()
                yield turn
        finally:
            if not self.is_busy:
                self._idle.set()
            self.lifetime.release(request.keep_alive_s)
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
