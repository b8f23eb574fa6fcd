"""Texts to be found by what they mean: rows of data as points of a vector database."""

from __future__ import annotations

import json
import math
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from jupyter_llm.errors import InvalidRequestError

from .rows import Rows, is_missing

TEXT = "text"
"""The field of a point's payload that holds the text."""

_NAMESPACE = uuid.UUID("1b1f3a52-7a44-5a8e-9c53-3f6d2f0a9d11")


@dataclass(frozen=True, kw_only=True, slots=True)
class Document:
    """A text, and the other columns of its row."""

    text: str
    fields: Mapping[str, Any] = field(default_factory=dict)

    @property
    def payload(self) -> dict[str, Any]:
        """All of it as JSON has it."""
        return {**self.fields, TEXT: self.text}

    @property
    def id(self) -> str:
        """The same for the same row, so that one that is put in again is not there twice."""
        return str(uuid.uuid5(_NAMESPACE, json.dumps(self.payload, sort_keys=True)))


def documents_of(data: Iterable[Any], column: str | None) -> list[Document]:
    """The rows of `data` that hold a text.

    Args:
        data: Texts, a pandas Series of texts, dicts, or a DataFrame.
        column: The column, or key, with the text; `text` by default, or the only one with texts.

    Raises:
        InvalidRequestError: There is no such column, or a row is no text.
    """
    if isinstance(data, str):
        raise InvalidRequestError("Give a list of texts, not one text.", param="data")
    rows = [row for row in Rows(data).values if not is_missing(row)]
    if rows and isinstance(rows[0], Mapping):
        name = column or _text_column(rows)
        found = (_from_mapping(row, name) for row in rows)
        return [document for document in found if document is not None]
    if column is not None:
        raise InvalidRequestError("Only rows with columns have a text column.", param="text")
    return [_from_text(row) for row in rows]


def _text_column(rows: list[Mapping[str, Any]]) -> str:
    names = [str(name) for name, value in rows[0].items() if isinstance(value, str)]
    if TEXT in rows[0] or len(names) == 1:
        return TEXT if TEXT in rows[0] else names[0]
    raise InvalidRequestError(
        f"Which column holds the text? Name one with text='…': {', '.join(map(str, rows[0]))}.",
        param="text",
    )


def _from_mapping(row: Mapping[str, Any], name: str) -> Document | None:
    if name not in row:
        raise InvalidRequestError(f"There is no column '{name}'.", param="text")
    if is_missing(row[name]) or not str(row[name]).strip():
        return None
    others = {key: _plain(value) for key, value in row.items() if key != name}
    if TEXT in others:
        raise InvalidRequestError(
            f"There is a column '{TEXT}' beside '{name}': rename or drop it.", param="data"
        )
    return Document(text=str(row[name]), fields=others)


def _from_text(row: Any) -> Document:
    if not isinstance(row, str) or not row.strip():
        raise InvalidRequestError(f"{row!r} is no text, or an empty one.", param="data")
    return Document(text=row)


def _plain(value: Any) -> Any:
    """A cell as JSON has it: numbers of numpy as Python's, times as text, nothing for NaN."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, bool | int | str):
        return value
    if is_missing(value) or (isinstance(value, float) and not math.isfinite(value)):
        return None
    if isinstance(value, float):
        return value
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
