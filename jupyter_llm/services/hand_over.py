"""Before a service's time limit ends it, a successor takes over: who needs one, and who can go.

The rules:

1. A running service that was asked to hand over, and has not been told to end, is followed by one
   successor, `lead_s` before its time is over, or at half of its time if that is later.
2. A successor that runs for `DRAIN_S` ends its predecessor: by then no new request goes there.
3. A successor that has failed is not replaced: what failed once would fail every few seconds.
4. The key of a successor follows from its predecessor's. Of several servers that watch the same
   services, the one starts it that is first to write this key down.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from jupyter_llm.types import ServiceState

if TYPE_CHECKING:
    from collections.abc import Iterable

    from jupyter_llm.services.record import Record

DRAIN_S = 60.0
"""How long requests may still run on a service whose successor runs."""


def successor_key(key: str) -> str:
    """The key of the service that follows the one with this key."""
    return f"{key.partition('-')[0]}-{sha256(key.encode()).hexdigest()[:12]}"


def need_successors(records: Iterable[Record], lead_s: float, now: float) -> list[Record]:
    """The services that need a successor now."""
    records = list(records)
    followed = {each.service.successor_of for each in records}
    return [
        each
        for each in records
        if each.hands_over
        and each.cancelled_at is None
        and each.service.state is ServiceState.RUNNING
        and each.service.id not in followed
        and _is_near_its_end(each, lead_s, now)
    ]


def may_go(records: Iterable[Record], now: float) -> list[tuple[Record, Record]]:
    """The services that have been taken over from, each with its successor."""
    records = list(records)
    by_id = {each.service.id: each for each in records}
    pairs = [(by_id.get(each.service.successor_of), each) for each in records]
    return [
        (before, after)
        for before, after in pairs
        if before is not None
        and before.cancelled_at is None
        and not before.service.state.is_final
        and after.service.state is ServiceState.RUNNING
        and after.running_since is not None
        and now - after.running_since >= DRAIN_S
    ]


def _is_near_its_end(record: Record, lead_s: float, now: float) -> bool:
    service = record.service
    if service.ends_at is None or service.time_limit_s is None:
        return False
    return service.ends_at - now <= min(lead_s, service.time_limit_s / 2)
