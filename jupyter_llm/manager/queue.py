"""Whose turn it is: a queue that is fair to users, as functions of what is known.

Nothing here waits or acts; `turns.py` does. A decision costs the logarithm of the number of
users, whatever the number of requests.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from itertools import count
from typing import TYPE_CHECKING

from jupyter_llm.manager.counters import Counters
from jupyter_llm.manager.decide import may_run

if TYPE_CHECKING:
    from collections.abc import Iterator

_Place = tuple[float, int]
"""What users are ordered by: their counter, and among equals who has stood there longest."""

_MAX_STALE = 64
"""Entries that stand for nothing any more, before the heap is built anew."""


@dataclass(eq=False, kw_only=True, slots=True)
class Ticket:
    """One request in the queue; `number` is when it came, among all.

    `num_prompt` is what its user pays for its prompt when its turn comes: an estimate.
    """

    user: str = ""
    priority: int = 0
    num_prompt: int = 0
    request_id: str = ""
    stream_id: str = ""
    number: int = 0
    is_waiting: bool = False


@dataclass(slots=True)
class _Line:
    """The requests of one user that wait: the higher priority first, then who came first.

    Those that have left stay in the heap until they come up or outnumber the others.
    """

    heap: list[tuple[int, int, Ticket]] = field(default_factory=list)
    num_waiting: int = 0

    def push(self, ticket: Ticket) -> None:
        heappush(self.heap, (-ticket.priority, ticket.number, ticket))
        self.num_waiting += 1

    def pop(self) -> Ticket:
        self.num_waiting -= 1
        while not (ticket := heappop(self.heap)[2]).is_waiting:
            pass
        return ticket

    def forget(self) -> None:
        """One has left."""
        self.num_waiting -= 1
        if len(self.heap) > 2 * self.num_waiting:
            self.heap = [entry for entry in self.heap if entry[2].is_waiting]
            heapify(self.heap)


class FairQueue:
    """The requests that wait for one model, and those that have their turn.

    Its rules:

    1. The user who was served least goes first (`Counters`); among equals who has waited
       longest.
    2. Among the requests of one user the higher priority goes first, then who came first.
    3. Who has turns already leaves some slots to those who have fewer (`may_run`).
    """

    def __init__(self) -> None:
        self.counters = Counters()
        self.num_waiting = 0
        self.num_running = 0
        self._lines: dict[str, _Line] = {}
        self._running: Counter[str] = Counter()
        self._order: list[tuple[float, int, str]] = []
        self._places: dict[str, _Place] = {}
        self._numbers = count(1)

    def waiting_of(self, user: str) -> int:
        """How many requests of a user wait."""
        line = self._lines.get(user)
        return line.num_waiting if line else 0

    @property
    def num_users(self) -> int:
        """How many users have requests that wait."""
        return len(self._lines)

    def push(self, ticket: Ticket) -> None:
        """Let a request wait for its turn."""
        user = ticket.user
        if user not in self._lines and not self._running[user]:
            self.counters.enter(user, self._least())
        ticket.number, ticket.is_waiting = next(self._numbers), True
        if user not in self._lines:
            self._lines[user] = _Line()
            self._stand(user, ticket.number)
        self._lines[user].push(ticket)
        self.num_waiting += 1

    def pop(self, num_slots: int) -> Ticket | None:
        """Give the next request its turn, if one may have it while there are so many slots."""
        num_free = num_slots - self.num_running
        num_users = len(self._lines.keys() | self._running.keys()) if num_free > 0 else 0
        passed: list[tuple[float, int, str]] = []
        ticket = None
        while num_free > 0 and ticket is None and (first := self._first()):
            if may_run(self._running[first[2]], num_free, num_slots, num_users):
                ticket = self._start(first[2])
            else:
                passed.append(heappop(self._order))
        for entry in passed:
            heappush(self._order, entry)
        return ticket

    def charge(self, user: str, *, num_prompt: int = 0, num_completion: int = 0) -> None:
        """Count tokens that were read and written for a user; less than zero corrects."""
        self.counters.charge(user, num_prompt=num_prompt, num_completion=num_completion)
        # an entry that is too low in the heap is put right there, one that is too high is not
        if num_prompt < 0 and user in self._places:
            self._stand(user, self._places[user][1])

    def leave(self, ticket: Ticket) -> None:
        """A request leaves, wherever it stands: it has ended, or nobody wants it any more."""
        user = ticket.user
        if ticket.is_waiting:
            ticket.is_waiting = False
            self.num_waiting -= 1
            self._lines[user].forget()
            self._drop_if_empty(user)
        else:
            self.num_running -= 1
            self._running[user] -= 1
            if not self._running[user]:
                del self._running[user]
        if not self._running and not self._lines:
            self.counters.settle()

    def waiting(self) -> Iterator[Ticket]:
        """Those that wait, in the order of their turns if users took them one by one."""
        ranked = []
        for user, line in self._lines.items():
            place = (self.counters.of(user), self._places[user][1])
            entries = sorted(entry for entry in line.heap if entry[2].is_waiting)
            ranked += [(rank, *place, entry[2]) for rank, entry in enumerate(entries)]
        return (entry[3] for entry in sorted(ranked))

    def _start(self, user: str) -> Ticket:
        ticket = self._lines[user].pop()
        ticket.is_waiting = False
        self.num_waiting -= 1
        self.num_running += 1
        self._running[user] += 1
        self.counters.charge(user, num_prompt=ticket.num_prompt)
        self._stand(user, next(self._numbers))
        self._drop_if_empty(user)
        return ticket

    def _drop_if_empty(self, user: str) -> None:
        if not self._lines[user].num_waiting:
            del self._lines[user], self._places[user]

    def _stand(self, user: str, number: int) -> None:
        place = (self.counters.of(user), number)
        self._places[user] = place
        heappush(self._order, (*place, user))
        if len(self._order) > _MAX_STALE + 2 * len(self._places):
            self._order = [(*place, user) for user, place in self._places.items()]
            heapify(self._order)

    def _first(self) -> tuple[float, int, str] | None:
        """The entry of the user who was served least of those who wait.

        Counters grow while their users stand in the heap; an entry is put right when it
        comes up.
        """
        while self._order:
            counter, number, user = self._order[0]
            if self._places.get(user) != (counter, number):
                heappop(self._order)
            elif self.counters.of(user) != counter:
                heappop(self._order)
                self._stand(user, number)
            else:
                return self._order[0]
        return None

    def _least(self) -> float | None:
        """The least counter of those who are present."""
        first = self._first()
        counters = [self.counters.of(user) for user in self._running]
        return min([*counters, first[0]] if first else counters, default=None)
