"""What is to be written down about models: that they are here, and what they did."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING

from jupyter_llm.registry.hours import add_hour
from jupyter_llm.types import ModelUsage, UsageSums

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from jupyter_llm.registry.hours import Hour
    from jupyter_llm.registry.tables import ModelRow
    from jupyter_llm.types import Model


@dataclass(slots=True)
class Notes:
    """Models by id with the time (seconds since the epoch) of the last look, and their usage."""

    seen: dict[str, tuple[Model, float]] = field(default_factory=dict)
    usage: dict[tuple[str, str], ModelUsage] = field(default_factory=dict)
    hours: dict[Hour, UsageSums] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.seen or self.usage)

    def count(self, more: ModelUsage) -> None:
        """Add to what the model has done on that day."""
        key = more.model_id, more.day
        before = self.usage.get(key, ModelUsage(model_id=more.model_id, day=more.day))
        self.usage[key] = replace(
            before,
            num_requests=before.num_requests + more.num_requests,
            num_prompt_tokens=before.num_prompt_tokens + more.num_prompt_tokens,
            num_completion_tokens=before.num_completion_tokens + more.num_completion_tokens,
        )

    def count_hour(self, key: Hour, more: UsageSums) -> None:
        """Add to what was used in that hour."""
        self.hours[key] = self.hours.get(key, UsageSums()) + more

    def follow(self, earlier: Notes) -> None:
        """Take up earlier notes that could not be written."""
        self.seen = earlier.seen | self.seen
        for usage in earlier.usage.values():
            self.count(usage)
        for key, sums in earlier.hours.items():
            self.count_hour(key, sums)


def write(session: Session, notes: Notes) -> None:
    """Write all of it down; in the same order everywhere, so that no two servers block."""
    used = {usage.model_id for usage in notes.usage.values()}
    known = _known(session) if notes.seen else {}
    for model_id, (model, at) in sorted(notes.seen.items()):
        row = _row_of(model, at)
        before = known.get(model_id, row)
        row.first_seen_at = before.first_seen_at
        row.last_used_at = at if model_id in used else before.last_used_at
        session.merge(row)
    for _, usage in sorted(notes.usage.items()):
        _write_usage(session, usage)
    for key, sums in sorted(notes.hours.items()):
        add_hour(session, key, sums)


def _known(session: Session) -> dict[str, ModelRow]:
    """Every model in one query: there may be hundreds."""
    from jupyter_llm.registry.tables import ModelRow

    return {row.id: row for row in session.query(ModelRow)}


def _row_of(model: Model, at: float) -> ModelRow:
    from jupyter_llm.registry.tables import ModelRow

    return ModelRow(
        id=model.id,
        path=model.path,
        format=model.format,
        size_bytes=model.size_bytes,
        architecture=model.architecture,
        quantization=model.quantization,
        first_seen_at=at,
        last_seen_at=at,
        last_used_at=None,
    )


def _write_usage(session: Session, usage: ModelUsage) -> None:
    from jupyter_llm.registry.tables import UsageRow

    day = date.fromisoformat(usage.day)
    row = session.get(UsageRow, (usage.model_id, day))
    if row is None:
        row = UsageRow(model_id=usage.model_id, day=day)
        row.num_requests = usage.num_requests
        row.num_prompt_tokens = usage.num_prompt_tokens
        row.num_completion_tokens = usage.num_completion_tokens
        session.add(row)
        return
    # added by the database: another server may have counted since the row was read
    row.num_requests = UsageRow.num_requests + usage.num_requests
    row.num_prompt_tokens = UsageRow.num_prompt_tokens + usage.num_prompt_tokens
    row.num_completion_tokens = UsageRow.num_completion_tokens + usage.num_completion_tokens
