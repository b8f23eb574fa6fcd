"""What the registry knows of models: since when, and what they have done in all."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from jupyter_llm.types import ModelUsage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.orm import Session


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelRecord:
    """A model's past; times are in seconds since the epoch, `None` where it never happened."""

    first_seen_at: float | None = None
    last_seen_at: float | None = None
    last_used_at: float | None = None
    usage: ModelUsage = field(default_factory=lambda: ModelUsage(model_id=""))


def read_records(session: Session) -> Mapping[str, ModelRecord]:
    """Every model that was ever seen, by id."""
    from jupyter_llm.registry.tables import ModelRow

    usage = _usage_ever(session)
    return {
        row.id: ModelRecord(
            first_seen_at=row.first_seen_at,
            last_seen_at=row.last_seen_at,
            last_used_at=row.last_used_at,
            usage=usage.get(row.id, ModelUsage(model_id=row.id)),
        )
        for row in session.query(ModelRow)
    }


def forget_model(session: Session, model_id: str) -> None:
    """Forget that it was here; what it did stays counted."""
    from jupyter_llm.registry.tables import ModelRow

    session.query(ModelRow).filter_by(id=model_id).delete()


def _usage_ever(session: Session) -> Mapping[str, ModelUsage]:
    from sqlalchemy import func, select

    from jupyter_llm.registry.tables import UsageRow

    sums = (
        func.sum(UsageRow.num_requests),
        func.sum(UsageRow.num_prompt_tokens),
        func.sum(UsageRow.num_completion_tokens),
    )
    rows = session.execute(select(UsageRow.model_id, *sums).group_by(UsageRow.model_id))
    return {
        model_id: ModelUsage(
            model_id=model_id,
            # PostgreSQL adds integers up to decimals
            num_requests=int(requests),
            num_prompt_tokens=int(prompt),
            num_completion_tokens=int(completion),
        )
        for model_id, requests, prompt, completion in rows
    }
