"""What happens in the server, as a kernel is told of it.

with stream_of().listen({"model", "download"}) as listener:
    for events in listener:
        print(events)
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Self

from jupyter_llm.types import Download, ModelStatus, ModelUsage, QueuePosition, RemovedModel

from .memory import MemoryReport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

CONNECTION = "connection"
"""The kind of event that tells how the stream itself is; every listener gets it."""

MAX_PENDING = 256
"""Events that a listener may be behind before its oldest ones are dropped."""

_TYPES: dict[str, type] = {
    "model": ModelStatus,
    "removed": RemovedModel,
    "download": Download,
    "vram": MemoryReport,
    "usage": ModelUsage,
    "queue": QueuePosition,
}


class Link(StrEnum):
    """How the stream is: `lost` is tried again by itself, `refused` is not."""

    OPEN = "open"
    LOST = "lost"
    REFUSED = "refused"


@dataclass(frozen=True, kw_only=True, slots=True)
class Connection:
    """How the stream is and, where it is not open, why and what to do."""

    link: Link
    reason: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """Something that happened, `at` seconds since the epoch.

    `data` is a value of `jupyter_llm.types`, a `MemoryReport` of the kind `vram`, a
    `Connection` of the kind `connection`, or JSON of a kind that has no type here.
    `num_missed` counts the events that were dropped right before this one.
    """

    kind: str
    data: Any
    at: float
    num_missed: int = 0


def event_from_json(message: dict[str, Any]) -> Event:
    """One message of `GET /ws`; fields of a newer server are passed over.

    Raises:
        ValueError: It is not as this version knows it.
    """
    import msgspec

    kind, data = message["type"], message.get("data")
    if kind in _TYPES:
        data = msgspec.convert(data, _TYPES[kind])
    missed, at = message.get("missed", 0), message.get("at", 0.0)
    return Event(kind=kind, data=data, at=at, num_missed=missed)


class Listener:
    """Events for one part of a program, in batches, until it is closed.

    It holds at most `MAX_PENDING` events; whoever is slower loses the oldest ones.
    """

    def __init__(self, kinds: Iterable[str], leave: Callable[[Listener], None]) -> None:
        self.kinds = frozenset(kinds)
        self._leave = leave
        self._pending: deque[Event] = deque(maxlen=MAX_PENDING)
        self._num_missed = 0
        self._is_closed = False
        self._changed = threading.Condition()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Hear nothing more; whoever waits for events is told the end. Safe to call twice."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
        self._leave(self)

    def put(self, event: Event) -> None:
        """Take an event, in the place of the oldest one where there is no room."""
        with self._changed:
            if len(self._pending) == self._pending.maxlen:
                self._num_missed += 1
            self._num_missed += event.num_missed
            self._pending.append(event)
            self._changed.notify_all()

    def take(self, timeout_s: float | None = None) -> list[Event]:
        """Everything that waits, at once, or as soon as there is something.

        Empty when the listener is closed or the time is over.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._pending or self._is_closed, timeout_s)
            if self._is_closed or not self._pending:
                return []
            first = replace(self._pending.popleft(), num_missed=self._num_missed)
            events = [first, *self._pending]
            self._pending.clear()
            self._num_missed = 0
            return events

    def __iter__(self) -> Iterator[list[Event]]:
        """Batch after batch, until the listener is closed."""
        while events := self.take():
            yield events
