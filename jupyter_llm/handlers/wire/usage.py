"""Usage as JSON: sums of a time, points over time, single requests."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, cast

import msgspec

from jupyter_llm.errors import InvalidRequestError
from jupyter_llm.registry.hours import HOUR_S, KEPT_HOURS
from jupyter_llm.registry.recorder import MAX_RECENT
from jupyter_llm.types import UsageSums

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jupyter_llm.types import FinishedRequest, ModelStatus

_STEPS = {"hour": HOUR_S, "day": 24 * HOUR_S}
# four digits at most: what Python calls a digit, int() need not understand
_COUNT = re.compile(r"[1-9][0-9]{0,3}")


def span_hours(text: str) -> int:
    """How many hours to look back, the one that runs included.

    Raises:
        InvalidRequestError: It is no such number.
    """
    return _count(text, "hours", KEPT_HOURS)


def requests_limit(text: str) -> int:
    """How many requests are wanted.

    Raises:
        InvalidRequestError: It is no such number.
    """
    return _count(text, "limit", MAX_RECENT)


def step_seconds(text: str) -> int:
    """How long the steps of a series are, in seconds.

    Raises:
        InvalidRequestError: They are neither hours nor days.
    """
    if text in _STEPS:
        return _STEPS[text]
    raise InvalidRequestError(f"'step' is {text!r}; give hour or day.", param="step")


def summary_body(
    since: int,
    models: Mapping[str, UsageSums],
    users: Mapping[str, UsageSums],
    loaded: Sequence[ModelStatus],
) -> dict[str, Any]:
    """Everything together, and what runs and waits now."""
    return {
        "since": since,
        **sums_body(sum(models.values(), UsageSums())),
        "num_models": len(models),
        "num_users": len(users),
        "num_running": sum(status.stats.num_running for status in loaded),
        "num_waiting": sum(status.stats.num_waiting for status in loaded),
    }


def entries_body(
    plural: str, name: str, since: int, used: Mapping[str, UsageSums]
) -> dict[str, Any]:
    """Models or users, those with the most requests first."""
    ranked = sorted(used.items(), key=lambda entry: (-entry[1].num_requests, entry[0]))
    return {"since": since, plural: [{name: key, **sums_body(sums)} for key, sums in ranked]}


def points_body(
    since: int, until: int, step_s: int, used: Mapping[int, UsageSums]
) -> dict[str, Any]:
    """A point for every step, at its beginning."""
    steps = range(since, until + 1, step_s)
    points = [{"at": at, **sums_body(used.get(at, UsageSums()))} for at in steps]
    return {"since": since, "step_s": step_s, "points": points}


def sums_body(sums: UsageSums) -> dict[str, Any]:
    """Counts, and means where there is something to take the mean of."""
    return {
        "num_requests": sums.num_requests,
        "num_failed": sums.num_failed,
        "num_prompt_tokens": sums.num_prompt_tokens,
        "num_completion_tokens": sums.num_completion_tokens,
        "mean_first_token_s": _mean(sums.first_token_s, sums.num_first_tokens),
        "mean_duration_s": _mean(sums.duration_s, sums.num_requests),
    }


def request_body(request: FinishedRequest) -> dict[str, Any]:
    """`FinishedRequest` field by field."""
    return cast("dict[str, Any]", msgspec.to_builtins(request))


def _mean(total: float, count: int) -> float | None:
    return total / count if count else None


def _count(text: str, param: str, most: int) -> int:
    if _COUNT.fullmatch(text) and int(text) <= most:
        return int(text)
    raise InvalidRequestError(
        f"'{param}' is {text!r}; give a number from 1 to {most}.", param=param
    )
