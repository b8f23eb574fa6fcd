"""How a service stands, from what its launcher sees and what its job says of itself.

The rules, the first that holds decides:

1. A job that has ended stays as it ended.
2. Nobody has seen it or heard of it: it may be on its way for `LOST_AFTER_S`; then it failed.
   Nobody had seen it, and now its servers are heard of: it began in between, and the next look
   decides.
3. It has ended, and was asked to: cancelled.
4. It has ended, and the launcher says why: as the launcher says.
5. It has ended: as its own last word says, or, without one, as far as the launcher knows.
6. It runs: configuring until one of its servers has answered, then running.
7. It waits: as the launcher says.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from jupyter_llm.services.folder import Account
from jupyter_llm.types import Replica, Service, ServiceState

if TYPE_CHECKING:
    from collections.abc import Collection

    from jupyter_llm.services.folder import Endpoint
    from jupyter_llm.services.launcher import Sight
    from jupyter_llm.services.record import Record

LOST_AFTER_S = 120.0
"""How long a job may be neither seen nor heard of after it was submitted."""

_WITHOUT_A_WORD = "It ended without a word: it was killed, or its machine went down."
_LOST = "It was never submitted, or its machine has forgotten it."
CANCELLING = "It is being cancelled."
_BEGINNING = "Its servers start."


def stands(
    record: Record,
    sight: Sight | None,
    account: Account | None,
    now: float,
    ready: Collection[str] = (),
) -> Record:
    """The record as it is now.

    `account` is `None` where nobody has looked, and `ready` are the ids of replicas that have
    just answered their health check.
    """
    if record.service.state.is_final:
        return record
    heard = account or Account()
    if sight is None and heard.last is None and not _has_begun(record):
        return _unseen(record, heard, now)
    if sight is not None:
        record = _seen(record, sight)
    if sight is None or sight.state.is_final:
        return _ended(record, *_verdict(record, sight, heard), heard.last.at if heard.last else now)
    if sight.state is not ServiceState.RUNNING:
        return _with(record, state=sight.state, reason=_going_on(record, sight.reason))
    return _running(record, sight, heard, now, ready)


def taken_up(mine: Record | None, theirs: Record) -> Record:
    """The record of a service, of which another server has written down what it knows.

    Each sees for itself how a job stands; that it is to end, and how it ended, holds for all.
    """
    if mine is None:
        return theirs
    if mine.service.state.is_final:
        return mine
    if theirs.service.state.is_final:
        return theirs
    if mine.cancelled_at is None and theirs.cancelled_at is not None:
        return _with(
            replace(
                mine,
                cancelled_at=theirs.cancelled_at,
                cancelled_because=theirs.cancelled_because,
            ),
            reason=CANCELLING,
        )
    return mine


def _unseen(record: Record, heard: Account, now: float) -> Record:
    if heard.endpoints:
        return _with(record, started_at=now)
    if now - record.service.created_at < LOST_AFTER_S:
        return record
    ending = ServiceState.CANCELLED if record.cancelled_at else ServiceState.FAILED
    return _ended(record, ending, _LOST, now)


def _has_begun(record: Record) -> bool:
    return record.service.started_at is not None


def _seen(record: Record, sight: Sight) -> Record:
    service = replace(record.service, id=sight.job_id, nodes=sight.nodes or record.service.nodes)
    return replace(record, job_id=sight.job_id, service=service)


def _verdict(record: Record, sight: Sight | None, heard: Account) -> tuple[ServiceState, str]:
    if record.cancelled_at is not None:
        return ServiceState.CANCELLED, record.cancelled_because
    if sight is not None and sight.is_own_word:
        return sight.state, sight.reason
    if heard.last is not None:
        return heard.last.state, heard.last.reason
    if sight is not None:
        return sight.state, sight.reason or _WITHOUT_A_WORD
    return ServiceState.FAILED, _WITHOUT_A_WORD


def _running(
    record: Record, sight: Sight, heard: Account, now: float, ready: Collection[str]
) -> Record:
    service = record.service
    started_at = service.started_at or now
    replicas = tuple(
        replace(each, state=ServiceState.RUNNING, is_healthy=True) if each.id in ready else each
        for each in merged(service, heard.endpoints, record.base_path)
    )
    has_answered = any(each.state is ServiceState.RUNNING for each in replicas)
    is_running = has_answered or service.state is ServiceState.RUNNING
    if is_running and record.running_since is None:
        record = replace(record, running_since=now)
    return _with(
        record,
        state=ServiceState.RUNNING if is_running else ServiceState.CONFIGURING,
        reason=_going_on(record, sight.reason or ("" if is_running else _BEGINNING)),
        started_at=started_at,
        ends_at=started_at + service.time_limit_s if service.time_limit_s else None,
        replicas=replicas,
    )


def _going_on(record: Record, reason: str) -> str:
    return reason if record.cancelled_at is None else CANCELLING


def merged(
    service: Service, endpoints: tuple[Endpoint, ...], base_path: str
) -> tuple[Replica, ...]:
    """The replicas as they were last started; one that has moved is to be asked anew."""
    known = {(each.index, each.host, each.port): each for each in service.replicas}
    if not endpoints:
        return service.replicas
    return tuple(
        known.get((each.replica, each.host, each.port))
        or Replica(
            id=f"{service.id}:{each.port}",
            index=each.replica,
            host=each.host,
            port=each.port,
            state=ServiceState.CONFIGURING,
            base_path=base_path,
            gpus=each.gpus,
        )
        for each in endpoints
    )


def _ended(record: Record, state: ServiceState, reason: str, at: float) -> Record:
    replicas = tuple(
        replace(each, state=state, is_healthy=False) for each in record.service.replicas
    )
    return _with(
        record,
        state=state,
        reason=reason,
        ended_at=at,
        ends_at=None,
        replicas=replicas,
        model_id="",
    )


def _with(record: Record, **changes: object) -> Record:
    return replace(record, service=replace(record.service, **changes))  # type: ignore[arg-type]
