"""Qdrant's filters, from JSON to what the engine takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import qdrant_edge as edge

from jupyter_llm.vectors.embedded.refusals import bad, engine_errors

_CLAUSES = {"must", "should", "must_not", "min_should"}
_MATCHES = {
    "value": edge.MatchValue,
    "any": edge.MatchAny,
    "except": edge.MatchExcept,
    "text": edge.MatchText,
    "text_any": edge.MatchTextAny,
    "phrase": edge.MatchPhrase,
}
_BOUNDS = {"gt", "gte", "lt", "lte"}
_OF_FIELD = {"key", "match", "range", "values_count"}


def filter_of(body: Any, param: str = "filter") -> edge.Filter | None:
    """The filter that `body` describes, `None` for none.

    Raises:
        Refusal: It holds something that is not known; the field is named.
    """
    if body is None:
        return None
    _check(body, _CLAUSES, param)
    clauses: dict[str, Any] = {
        name: [
            _condition(condition, f"{param}.{name}[{number}]")
            for number, condition in enumerate(_listed(body[name]))
        ]
        for name in ("must", "should", "must_not")
        if body.get(name) is not None
    }
    if body.get("min_should") is not None:
        clauses["min_should"] = _min_should(body["min_should"], f"{param}.min_should")
    with engine_errors(param):
        return edge.Filter(**clauses)


def _min_should(body: Any, param: str) -> Any:
    _check(body, {"conditions", "min_count"}, param)
    conditions = [
        _condition(condition, f"{param}.conditions[{number}]")
        for number, condition in enumerate(_listed(body.get("conditions", [])))
    ]
    with engine_errors(param):
        return edge.MinShould(conditions, body.get("min_count"))


def _condition(body: Any, param: str) -> Any:
    _check(body, None, param)
    if not body.keys().isdisjoint(_CLAUSES):
        return filter_of(body, param)
    with engine_errors(param):
        if "has_id" in body:
            return edge.HasIdCondition(set(_listed(body["has_id"])))
        if "is_null" in body:
            return edge.IsNullCondition(body["is_null"]["key"])
        if "is_empty" in body:
            return edge.IsEmptyCondition(body["is_empty"]["key"])
        if "nested" in body:
            nested = body["nested"]
            inner = filter_of(nested["filter"], param) or edge.Filter()
            return edge.NestedCondition(nested["key"], inner)
        return _field(body, param)


def _field(body: Mapping[str, Any], param: str) -> Any:
    _check(body, _OF_FIELD, param)
    asked: dict[str, Any] = {}
    if body.get("match") is not None:
        asked["match"] = _match(body["match"], f"{param}.match")
    if body.get("range") is not None:
        asked["range"] = _range(body["range"], f"{param}.range")
    if body.get("values_count") is not None:
        _check(body["values_count"], _BOUNDS, f"{param}.values_count")
        asked["values_count"] = edge.ValuesCount(**body["values_count"])
    if not asked or not isinstance(body.get("key"), str):
        raise bad(f"'{param}' needs a 'key' and a 'match', 'range' or 'values_count'.", param)
    return edge.FieldCondition(body["key"], **asked)


def _match(body: Any, param: str) -> Any:
    _check(body, set(_MATCHES), param)
    given = [name for name in body if body[name] is not None]
    if len(given) != 1:
        raise bad(f"'{param}' is one of {', '.join(_MATCHES)}.", param)
    return _MATCHES[given[0]](body[given[0]])


def _range(body: Any, param: str) -> Any:
    _check(body, _BOUNDS, param)
    bounds = {name: value for name, value in body.items() if value is not None}
    of_times = any(isinstance(value, str) for value in bounds.values())
    return (edge.RangeDateTime if of_times else edge.RangeFloat)(**bounds)


def _check(body: Any, known: set[str] | None, param: str) -> None:
    if not isinstance(body, Mapping):
        raise bad(f"'{param}' is not an object.", param)
    if known is not None and (unknown := sorted(set(body) - known)):
        raise bad(f"'{param}' knows no '{unknown[0]}'.", f"{param}.{unknown[0]}")


def _listed(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else [value]
