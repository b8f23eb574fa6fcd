"""What was asked of the server, in sums and one by one."""

from __future__ import annotations

from typing import TypedDict

from jupyter_llm.registry.hours import KEPT_HOURS
from jupyter_llm.registry.recorder import MAX_RECENT
from jupyter_llm.types import FinishedRequest

from .endpoint import REGISTRY, Endpoint, Parameter


class Sums(TypedDict):
    """What requests took; the means are `null` where there is nothing to take them of."""

    num_requests: int
    num_failed: int
    num_prompt_tokens: int
    num_completion_tokens: int
    mean_first_token_s: float | None
    mean_duration_s: float | None


class Summary(Sums):
    """Everything since a time, and what runs and waits now."""

    since: int
    num_models: int
    num_users: int
    num_running: int
    num_waiting: int


class UsageOfModel(Sums):
    """What was asked of a model."""

    id: str


class UsageOfModels(TypedDict):
    """Models, the most asked first."""

    since: int
    models: list[UsageOfModel]


class UsageOfUser(Sums):
    """What a user has asked; their name is empty for whoever has the server's token alone."""

    user: str


class UsageOfUsers(TypedDict):
    """Users, those who ask most first."""

    since: int
    users: list[UsageOfUser]


class Point(Sums):
    """A step of time, from its beginning on."""

    at: int


class Series(TypedDict):
    """A point for every step."""

    since: int
    step_s: int
    points: list[Point]


class RecentRequests(TypedDict):
    """Requests that have ended, the latest first."""

    requests: list[FinishedRequest]


_HOURS = Parameter(
    name="hours",
    description="how far to look back; the hour that runs is the first",
    schema={"type": "integer", "minimum": 1, "maximum": KEPT_HOURS, "default": 24},
)
_STEP = Parameter(
    name="step",
    description="how long each step is",
    schema={"type": "string", "enum": ["hour", "day"], "default": "hour"},
)
_LIMIT = Parameter(
    name="limit",
    description="how many to list",
    schema={"type": "integer", "minimum": 1, "maximum": MAX_RECENT, "default": 100},
)

ENDPOINTS: dict[str, Endpoint] = {
    "GET /api/admin/metrics/summary": Endpoint(query=(_HOURS,), answer=Summary, errors=REGISTRY),
    "GET /api/admin/metrics/models": Endpoint(
        query=(_HOURS,), answer=UsageOfModels, errors=REGISTRY
    ),
    "GET /api/admin/metrics/users": Endpoint(query=(_HOURS,), answer=UsageOfUsers, errors=REGISTRY),
    "GET /api/admin/metrics/timeseries": Endpoint(
        query=(_HOURS, _STEP), answer=Series, errors=REGISTRY
    ),
    "GET /api/admin/metrics/requests": Endpoint(query=(_LIMIT,), answer=RecentRequests),
}
