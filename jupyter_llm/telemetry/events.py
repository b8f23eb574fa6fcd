"""What happens in this server, passed to whoever wants to know."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, Self, get_args

from jupyter_llm.errors import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Iterable

Kind = Literal["model", "removed", "download", "vram", "service", "usage", "queue"]
KINDS: tuple[str, ...] = get_args(Kind)

MAX_PENDING = 256
"""Events that a subscriber may be behind before its oldest ones are dropped."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """Something that happened, `at` seconds since the epoch.

    `payload` is one of the frozen values of `types`. `num_missed` counts the events that
    this subscriber was too slow for, right before this one.
    """

    kind: str
    payload: Any
    at: float
    num_missed: int = 0


class Subscription:
    """An asynchronous iterator over events, from its making on; close it after use.

    It holds at most `max_pending` events: a subscriber that does not keep up loses the
    oldest ones, and costs this server no more memory.
    """

    def __init__(self, bus: EventBus, kinds: frozenset[str], max_pending: int, user: str) -> None:
        self.kinds = kinds
        self.user = user
        self._bus = bus
        self._pending: deque[Event] = deque(maxlen=max_pending)
        self._num_missed = 0
        self._has_ended = False
        self._arrived = asyncio.Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Get no more events; safe to call twice. Whoever waits for one is told the end."""
        self._bus.leave(self)
        self._has_ended = True
        self._arrived.set()

    def put(self, event: Event) -> None:
        """Take an event, in the place of the oldest one where there is no room."""
        if len(self._pending) == self._pending.maxlen:
            self._num_missed += 1
        self._pending.append(event)
        self._arrived.set()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        while not self._pending:
            if self._has_ended:
                raise StopAsyncIteration
            self._arrived.clear()
            await self._arrived.wait()
        event, num_missed = self._pending.popleft(), self._num_missed
        self._num_missed = 0
        return replace(event, num_missed=num_missed) if num_missed else event


class EventBus:
    """Passes each event to every subscriber of its kind; belongs to one event loop."""

    def __init__(self) -> None:
        self._subscriptions: set[Subscription] = set()
        self._has_listeners = asyncio.Event()

    def publish(self, kind: str, payload: Any, *, user: str | None = None) -> None:
        """Tell the subscribers, or those of one user; waits for none of them."""
        event = Event(kind=kind, payload=payload, at=time.time())
        for subscription in self._subscriptions:
            if kind in subscription.kinds and user in (None, subscription.user):
                subscription.put(event)

    def subscribe(
        self, kinds: Iterable[str] = KINDS, *, max_pending: int = MAX_PENDING, user: str = ""
    ) -> Subscription:
        """Begin to collect the events of these kinds that concern everybody or this user.

        Raises:
            InvalidRequestError: There is no such kind; the message lists all.
        """
        wanted = frozenset(kinds)
        if unknown := wanted.difference(KINDS):
            raise InvalidRequestError(
                f"There are no events of the kind {', '.join(sorted(unknown))}. "
                f"The kinds are: {', '.join(KINDS)}.",
                param="subscribe",
            )
        subscription = Subscription(self, wanted, max_pending, user)
        self._subscriptions.add(subscription)
        self._has_listeners.set()
        return subscription

    def close(self) -> None:
        """End every subscription."""
        for subscription in tuple(self._subscriptions):
            subscription.close()

    def leave(self, subscription: Subscription) -> None:
        """Tell this subscriber nothing more."""
        self._subscriptions.discard(subscription)
        if not self._subscriptions:
            self._has_listeners.clear()

    async def listened_to(self) -> None:
        """Return as soon as there is a subscriber."""
        await self._has_listeners.wait()

    @property
    def num_subscribers(self) -> int:
        """How many listen."""
        return len(self._subscriptions)
