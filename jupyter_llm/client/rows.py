"""Rows of data as questions, and the answers in the shape that the rows had."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .answer_type import AnswerType

if TYPE_CHECKING:
    from .chat_request import Messages

_FIELD = re.compile(r"\{(\w*)\}")
_VALUE_NAMES = ("", "value")
_EXTRACT = "Extract the data from the text below."


class Rows:
    """What is to be mapped: a list or other iterable, or pandas' Series or DataFrame.

    `values` are the rows one by one: elements, or mappings of a DataFrame's columns.
    """

    def __init__(self, data: Iterable[Any]) -> None:
        self._pandas = _pandas_of(data)
        self._index: Any = getattr(data, "index", None) if self._pandas else None
        if self._pandas and hasattr(data, "columns"):
            names = [str(name) for name in data.columns]
            tuples = data.itertuples(index=False, name=None)  # type: ignore[attr-defined]
            self.values: list[Any] = [dict(zip(names, row, strict=True)) for row in tuples]
        else:
            self.values = list(data)

    def __len__(self) -> int:
        return len(self.values)

    def label(self, number: int) -> str:
        """How people call row `number`."""
        label = number if self._index is None else self._index[number]
        return repr(label.item() if hasattr(label, "item") else label)

    def shaped(self, results: Sequence[Any], wanted: AnswerType | None) -> Any:
        """The results as a list, or with pandas as a Series, or a DataFrame of their fields."""
        if not self._pandas:
            return list(results)
        if wanted is not None and wanted.fields:
            records = [_record(result, wanted.fields) for result in results]
            return self._pandas.DataFrame(records, index=self._index, columns=[*wanted.fields])
        # None stays None among texts, so that a failure is told from an empty answer
        return self._pandas.Series(list(results), index=self._index, dtype=_dtype(results))


def question(
    prompt: str | Callable[[Any], Messages] | None, value: Any, wanted: AnswerType | None
) -> Messages:
    """What is asked of one row.

    Args:
        prompt: A text in which `{}` or `{value}` stands for the element, `{name}` for a column
            or a key; every other brace is left as it is, and where there is none of these the
            row follows behind. Or a function of the row. Without one the row is the question.
        value: The row.
        wanted: The type of the answer; without a prompt, data is to be extracted then.
    """
    if callable(prompt):
        return prompt(value)
    if prompt is None:
        return f"{_EXTRACT}\n\n{_text(value)}" if wanted else _text(value)
    known = value if isinstance(value, Mapping) else dict.fromkeys(_VALUE_NAMES, value)
    filled, num_filled = _filled(prompt, known)
    return filled if num_filled else f"{prompt}\n\n{_text(value)}"


def is_missing(value: Any) -> bool:
    """Whether there is nothing to ask about: `None`, or what pandas has for it."""
    if value is None:
        return True
    try:
        return bool(value != value)  # noqa: PLR0124  # NaN and NaT are not equal to themselves
    except (TypeError, ValueError):  # pandas.NA has no truth, an array no single one
        return type(value).__name__ == "NAType"


def _filled(prompt: str, known: Mapping[str, Any]) -> tuple[str, int]:
    num_filled = 0

    def put_in(match: re.Match[str]) -> str:
        nonlocal num_filled
        if match[1] not in known:
            return match[0]
        num_filled += 1
        return str(known[match[1]])

    return _FIELD.sub(put_in, prompt), num_filled


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return "\n".join(f"{name}: {item}" for name, item in value.items())
    return str(value)


def _record(result: Any, fields: Sequence[str]) -> dict[str, Any]:
    """The fields of an object by name; of a row without an answer, none."""
    if result is None or isinstance(result, Exception):
        return dict.fromkeys(fields, result)
    if isinstance(result, Mapping):
        return dict(result)
    if hasattr(result, "model_dump"):
        dumped: dict[str, Any] = result.model_dump(by_alias=True)
        return dumped
    import datetime as dt
    import decimal
    import uuid

    import msgspec

    kept = (dt.datetime, dt.date, dt.time, dt.timedelta, decimal.Decimal, uuid.UUID)
    record: dict[str, Any] = msgspec.to_builtins(result, builtin_types=kept)
    return record


def _dtype(results: Sequence[Any]) -> Any:
    """Of texts and of what is mixed, `object`; of numbers alone what pandas finds."""
    return None if all(isinstance(item, bool | int | float) for item in results) else object


def _pandas_of(data: Any) -> Any:
    """The module pandas, where the data is its own; it is not imported for this."""
    pandas = sys.modules.get("pandas")
    if pandas and isinstance(data, pandas.Series | pandas.DataFrame):
        return pandas
    return None
