"""Tells those who wait where they stand, now and then."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from jupyter_llm.types import QueuePosition

if TYPE_CHECKING:
    from collections.abc import Callable

    from jupyter_llm.manager.queue import FairQueue, Ticket

FIRST_AFTER_S = 0.1
"""A request whose turn comes sooner is not told that it waits."""

EVERY_S = 1.0


class Positions:
    """Looks at a queue after it has changed, once in `EVERY_S` at most.

    `tell` gets a user and the new position of a request of theirs. A position is where the
    request would stand if nobody else came and users took turns.
    """

    def __init__(
        self, model_id: str, queue: FairQueue, tell: Callable[[str, QueuePosition], None]
    ) -> None:
        self._model_id = model_id
        self._queue = queue
        self._tell = tell
        self._told: dict[Ticket, int] = {}
        self._timer: asyncio.TimerHandle | None = None

    def note_change(self) -> None:
        """The queue has changed: look at it in a while."""
        if self._timer is None and (self._queue.num_waiting or self._told):
            self._look_after(EVERY_S if self._told else FIRST_AFTER_S)

    def forget(self, ticket: Ticket) -> None:
        """A request has left without a turn: there is nothing more to tell."""
        self._told.pop(ticket, None)

    def _look_after(self, delay_s: float) -> None:
        self._timer = asyncio.get_running_loop().call_later(delay_s, self._look)

    def _look(self) -> None:
        self._timer = None
        positions = {ticket: place for place, ticket in enumerate(self._queue.waiting(), 1)}
        for ticket in [told for told in self._told if told not in positions]:
            del self._told[ticket]
            self._say(ticket, 0)
        for ticket, position in positions.items():
            if self._told.get(ticket) != position:
                self._told[ticket] = position
                self._say(ticket, position)

    def _say(self, ticket: Ticket, position: int) -> None:
        self._tell(
            ticket.user,
            QueuePosition(
                request_id=ticket.request_id,
                model_id=self._model_id,
                position=position,
                stream_id=ticket.stream_id,
            ),
        )
