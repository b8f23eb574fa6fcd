"""What a search by meaning has found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from .documents import TEXT
from .tables import Table

_MAX_CHARS = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchResult:
    """A text that was found: `score` is 1 for one that means the same, `fields` are its columns."""

    text: str
    score: float
    id: int | str
    fields: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, point: Mapping[str, Any]) -> Self:
        """The result that a point stands for."""
        fields = dict(point.get("payload") or {})
        text = str(fields.pop(TEXT, ""))
        return cls(text=text, score=float(point["score"]), id=point["id"], fields=fields)

    def __str__(self) -> str:
        return self.text


class SearchResults(list[SearchResult]):
    """Results, best first. A notebook shows them as a table."""

    @property
    def texts(self) -> list[str]:
        """The texts alone, as a prompt may have them."""
        return [result.text for result in self]

    def frame(self) -> Any:
        """A pandas DataFrame with `text`, `score` and the other columns."""
        import pandas as pd

        rows = [{"text": one.text, "score": one.score, **one.fields} for one in self]
        return pd.DataFrame(rows, columns=None if rows else ["text", "score"])

    def _repr_markdown_(self) -> str:
        return self._table().markdown()

    def __repr__(self) -> str:
        return self._table().text()

    def _table(self) -> Table:
        names = list(dict.fromkeys(name for one in self for name in one.fields))
        return Table(
            headers=("score", "text", *names),
            rows=[
                (f"{one.score:.3f}", *map(_short, (one.text, *(one.fields.get(n) for n in names))))
                for one in self
            ],
            empty="Nothing was found.",
        )


def _short(value: Any) -> str:
    text = "" if value is None else " ".join(str(value).split())
    return text if len(text) <= _MAX_CHARS else text[: _MAX_CHARS - 1] + "…"
