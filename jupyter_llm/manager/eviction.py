"""Who leaves memory so that another model fits, as a function of what is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from jupyter_llm.manager.settings import EvictionPolicy


@dataclass(frozen=True, kw_only=True, slots=True)
class Resident:
    """A model that holds memory; `last_used_at` is in seconds of any steady clock."""

    id: str
    num_bytes: int
    last_used_at: float
    is_busy: bool = False
    is_pinned: bool = False
    is_leaving: bool = False
    is_asleep: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What to do now for a model that wants in.

    `fits` is whether it may load. Otherwise `evict` names idle models to unload,
    `drain` busy ones that shall take no new requests, and with both empty there is
    nothing to do but wait; `is_hopeless` says that waiting will not help, and
    `is_overdue` that it has waited long enough.
    """

    fits: bool = False
    evict: tuple[str, ...] = ()
    drain: tuple[str, ...] = ()
    is_hopeless: bool = False
    is_overdue: bool = False


def plan_room(
    need_bytes: int,
    free_bytes: int,
    residents: Iterable[Resident],
    *,
    waited_s: float,
    policy: EvictionPolicy,
) -> Plan:
    """Find room of `need_bytes` where `free_bytes` are free.

    1. What is free suffices: load.
    2. A pinned model never leaves. If all others together would not make room, nobody
       leaves in vain: the load is hopeless. Nor does one that holds nothing yet.
    3. Models that are leaving already are waited for before another one has to go.
    4. Idle models leave, no more than needed: those that sleep, then the least recently used.
    5. A busy model is never unloaded. After `max_wait_s` the load gives up.
    6. Before that, after `patience_s`, busy models that would make room are drained, the
       least recently used first: they finish what they have and take nothing new, so that
       a model that is always busy cannot keep another one out for ever.
    """
    missing = need_bytes - free_bytes
    if missing <= 0:
        return Plan(fits=True)
    movable = sorted(
        (resident for resident in residents if resident.num_bytes and not resident.is_pinned),
        key=lambda resident: (not resident.is_asleep, resident.last_used_at),
    )
    if sum(resident.num_bytes for resident in movable) < missing:
        return Plan(is_hopeless=True)
    missing -= sum(resident.num_bytes for resident in movable if resident.is_leaving)
    staying = [resident for resident in movable if not resident.is_leaving]
    idle = [resident for resident in staying if not resident.is_busy]
    if sum(resident.num_bytes for resident in idle) >= missing:
        return Plan(evict=_enough(idle, missing))
    if waited_s >= policy.max_wait_s:
        return Plan(is_overdue=True)
    if waited_s >= policy.patience_s:
        missing -= sum(resident.num_bytes for resident in idle)
        return Plan(drain=_enough([r for r in staying if r.is_busy], missing))
    return Plan()


def _enough(residents: Iterable[Resident], missing: int) -> tuple[str, ...]:
    """The first of `residents` that hold `missing` bytes together; none if none miss."""
    chosen: list[str] = []
    for resident in residents:
        if missing <= 0:
            break
        chosen.append(resident.id)
        missing -= resident.num_bytes
    return tuple(chosen)
