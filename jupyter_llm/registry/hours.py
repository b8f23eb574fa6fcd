"""Usage by the hour: written with what else is counted, read in sums."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any, Literal

from jupyter_llm.types import UsageSums

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.orm import Session

HOUR_S = 3600
KEPT_HOURS = 90 * 24
"""What is older is deleted, as hours pass; the daily counts of models stay."""

Hour = tuple[int, str, str]
"""The beginning of an hour (seconds since the epoch), a model and a user."""

By = Literal["hour", "model_id", "user_name"]


def hour_of(at: float) -> int:
    """When the hour of a time began, both in seconds since the epoch."""
    return int(at) // HOUR_S * HOUR_S


def add_hour(session: Session, key: Hour, sums: UsageSums) -> None:
    """Add to what is counted in an hour."""
    from jupyter_llm.registry.tables import HourRow

    row = session.get(HourRow, key)
    if row is None:
        hour, model_id, user = key
        session.query(HourRow).filter(HourRow.hour < hour - KEPT_HOURS * HOUR_S).delete()
        session.add(HourRow(hour=hour, model_id=model_id, user_name=user, **asdict(sums)))
        return
    # added by the database: another server may have counted since the row was read
    for name, value in asdict(sums).items():
        setattr(row, name, getattr(HourRow, name) + value)


def read_usage(
    session: Session, by: By, *, since: int, step_s: int = HOUR_S, user: str | None = None
) -> Mapping[Any, UsageSums]:
    """What was used since the hour that began at `since`, by hour, model or user.

    Hours are put together to steps of `step_s` seconds. With `user` it is what one has used.
    """
    from sqlalchemy import func, select

    from jupyter_llm.registry.tables import HourRow

    key: Any = getattr(HourRow, by)
    if by == "hour":
        key -= key % step_s
    names = [field.name for field in fields(UsageSums)]
    sums = [func.sum(getattr(HourRow, name)) for name in names]
    asked = select(key, *sums).where(HourRow.hour >= since).group_by(key)
    if user is not None:
        asked = asked.where(HourRow.user_name == user)
    rows = session.execute(asked)
    # PostgreSQL adds integers up to decimals
    return {key: _sums(dict(zip(names, values, strict=True))) for key, *values in rows}


def _sums(found: Mapping[str, Any]) -> UsageSums:
    kinds = {name: float if name.endswith("_s") else int for name in found}
    values: dict[str, Any] = {name: kinds[name](value) for name, value in found.items()}
    return UsageSums(**values)
