"""The requests inside one instance: who waits, who has a turn, and how fast they leave."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jupyter_llm.errors import EngineDiedError, LLMError, OverloadedError
from jupyter_llm.manager.decide import check_line, check_place, retry_after_s
from jupyter_llm.manager.positions import Positions
from jupyter_llm.manager.queue import FairQueue
from jupyter_llm.manager.tickets import ticket_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from jupyter_llm.manager.listeners import Listeners
    from jupyter_llm.manager.queue import Ticket
    from jupyter_llm.manager.tickets import Shared
    from jupyter_llm.types import TokenChunk, Usage

_MEASURED_COMPLETIONS = 64
_DEATH_IS_KNOWN_S = 0.1


@dataclass(frozen=True, kw_only=True, slots=True)
class Bounds:
    """How many requests may wait at one model, of one user and of all, and for how long."""

    max_waiting: int
    max_waiting_per_user: int
    timeout_s: float


class Turn:
    """One request inside an instance: it waits for its turn, and then pays for its tokens."""

    def __init__(self, ticket: Ticket, turns: Turns) -> None:
        self.ticket = ticket
        self.given: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._turns = turns
        self._num_counted = 0
        self._usage: dict[int, Usage] = {}

    async def come(self) -> None:
        """Wait for the turn.

        Raises:
            OverloadedError: It did not come in time; `retry_after_s` is when it may.
            LLMError: The model serves no more.
        """
        if self.given.done():
            self.given.result()
            return
        timeout_s = self._turns.bounds.timeout_s
        try:
            async with asyncio.timeout(timeout_s):
                await self.given
        except TimeoutError:
            raise self._turns.overdue(timeout_s) from None

    def count(self, chunk: TokenChunk) -> None:
        """Charge the user for what was just written; the last chunk knows what is exact."""
        if num_written := chunk.num_written:
            self._num_counted += num_written
            self._turns.queue.charge(self.ticket.user, num_completion=num_written)
        if chunk.usage:
            self._usage[chunk.index] = chunk.usage

    def spend(self, usage: Usage) -> None:
        """All that the request has taken."""
        self._usage[0] = usage

    def settle(self) -> None:
        """Charge what was not charged while it ran, and tell what was spent.

        Of a request that was cut off only an estimate is known.
        """
        user, ends = self.ticket.user, self._usage.values()
        if ends:
            cached = sum(usage.cached_tokens for usage in ends)
            read = sum(usage.prompt_tokens for usage in ends)
            written = sum(usage.completion_tokens for usage in ends)
            self._turns.queue.charge(
                user,
                num_prompt=read - cached - self.ticket.num_prompt,
                num_completion=max(written - self._num_counted, 0),
            )
            self._turns.on_spent(user, read + written)
        elif self._num_counted:
            self._turns.on_spent(user, self.ticket.num_prompt + self._num_counted)


class Turns:
    """Gives the requests inside one instance their turns.

    `num_slots` is how many may have one now, 0 while the model does not serve. Time is
    measured while requests are inside: an idle hour says nothing about the next place.
    """

    def __init__(
        self,
        model_id: str,
        bounds: Bounds,
        *,
        num_slots: Callable[[], int],
        listeners: Listeners,
    ) -> None:
        self.bounds = bounds
        self.on_spent = listeners.on_spent
        self.queue = FairQueue()
        self._positions = Positions(model_id, self.queue, listeners.on_position)
        self._model_id = model_id
        self._num_slots = num_slots
        self._turns: dict[Ticket, Turn] = {}
        self._measured_since = 0.0
        self._left_at: deque[float] = deque(maxlen=_MEASURED_COMPLETIONS)

    @property
    def num_inside(self) -> int:
        """Requests that have a turn or wait."""
        return self.queue.num_running + self.queue.num_waiting

    @contextmanager
    def enter(self, request: Shared, num_places: int) -> Iterator[Turn]:
        """Be one of `num_places` inside the block.

        Raises:
            TooManyRequestsError: The user has too many waiting.
            OverloadedError: All places are taken. With both, `retry_after_s` is when
                one is expected.
        """
        turn = self._admit(request, num_places)
        give = self.give
        try:
            yield turn
        except EngineDiedError:
            # its requests know of a death a moment before the instance does
            give = self._give_later
            raise
        finally:
            turn.settle()
            self._leave(turn)
            give()

    def check_place(self, num_inside: int, num_places: int) -> None:
        """Let one more in.

        Raises:
            OverloadedError: All places are taken; `retry_after_s` is when one is expected.
        """
        retry_s = self._expected_s(time.monotonic())
        check_place(self._model_id, num_inside, num_places, retry_s)

    def give(self) -> None:
        """Give turns to as many as may have one."""
        while ticket := self.queue.pop(self._num_slots()):
            given = self._turns[ticket].given
            if not given.done():
                given.set_result(None)
        self._positions.note_change()

    def refuse(self, error: LLMError) -> None:
        """Tell everybody who waits that their turn will not come."""
        for turn in list(self._turns.values()):
            if turn.ticket.is_waiting and not turn.given.done():
                turn.given.set_exception(error)
                turn.given.exception()  # asyncio complains about errors that nobody reads

    def overdue(self, timeout_s: float) -> OverloadedError:
        """What a request is told that has waited for too long."""
        retry_s = self._expected_s(time.monotonic())
        return OverloadedError(
            f"The turn of this request did not come within {timeout_s:.0f} s at "
            f"{self._model_id}. Try again in {retry_s:.0f} s.",
            retry_after_s=retry_s,
        )

    def _admit(self, request: Shared, num_places: int) -> Turn:
        self.check_place(self.num_inside, num_places)
        now = time.monotonic()
        retry_s = self._expected_s(now)
        check_line(
            self._model_id,
            self.queue.waiting_of(request.user),
            self.bounds.max_waiting_per_user,
            retry_s * max(self.queue.num_users, 1),
        )
        if not self.num_inside:
            self._left_at.clear()
            self._measured_since = now
        turn = Turn(ticket_of(request), self)
        self._turns[turn.ticket] = turn
        self.queue.push(turn.ticket)
        self.give()
        return turn

    def _leave(self, turn: Turn) -> None:
        has_run = not turn.ticket.is_waiting
        self.queue.leave(turn.ticket)
        del self._turns[turn.ticket]
        if has_run:
            self._note_departure()
        else:
            self._positions.forget(turn.ticket)

    def _give_later(self) -> None:
        asyncio.get_running_loop().call_later(_DEATH_IS_KNOWN_S, self.give)

    def _note_departure(self) -> None:
        if len(self._left_at) == _MEASURED_COMPLETIONS:
            self._measured_since = self._left_at[0]
        self._left_at.append(time.monotonic())

    def _expected_s(self, now: float) -> float:
        return retry_after_s(now - self._measured_since, len(self._left_at))
