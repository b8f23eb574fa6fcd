"""`/api/admin/metrics/{…}`: what was asked of this server, by whom, and how it went."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any

from jupyter_server.auth.decorator import authorized
from tornado import web

from jupyter_llm.registry.hours import HOUR_S, hour_of, read_usage

from .base import LLMHandler
from .wire.usage import (
    entries_body,
    points_body,
    request_body,
    requests_limit,
    span_hours,
    step_seconds,
    summary_body,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jupyter_llm.registry.hours import By
    from jupyter_llm.types import UsageSums


class UsageHandler(LLMHandler):
    """What the routes below have in common: a time to look back over."""

    def since(self) -> int:
        """When the first hour began that is wanted, in seconds since the epoch."""
        hours = span_hours(self.get_query_argument("hours", "24"))
        return hour_of(time.time()) - (hours - 1) * HOUR_S

    async def used(
        self, by: By, since: int, *, step_s: int = HOUR_S, user: str | None = None
    ) -> Mapping[Any, UsageSums]:
        """What was used by all or by one user, in sums; nothing where there is no registry yet."""
        self.caller.check_may_know_all_models()
        registry = self.context.registry
        if not await registry.exists():
            return {}
        return await registry.run(partial(read_usage, by=by, since=since, step_s=step_s, user=user))


class UsageSummaryHandler(UsageHandler):
    """`GET /api/admin/metrics/summary`."""

    @web.authenticated
    @authorized("read", "llm")
    async def get(self) -> None:
        """Everything together, and what runs now."""
        since = self.since()
        models, users = await self.used("model_id", since), await self.used("user_name", since)
        self.finish(summary_body(since, models, users, self.context.manager.loaded()))


class UsageOfModelsHandler(UsageHandler):
    """`GET /api/admin/metrics/models`."""

    @web.authenticated
    @authorized("read", "llm")
    async def get(self) -> None:
        """The use of each model, the most asked first; of those that this caller may know."""
        since = self.since()
        used = await self.used("model_id", since)
        may_name = await self.context.manager.nameable()
        if not all(map(may_name, used)):
            own = await self.used("model_id", since, user=self.caller.user)
            used = {name: sums for name, sums in used.items() if name in own or may_name(name)}
        self.finish(entries_body("models", "id", since, used))


class UsageOfUsersHandler(UsageHandler):
    """`GET /api/admin/metrics/users`."""

    @web.authenticated
    @authorized("write", "llm")
    async def get(self) -> None:
        """The use of each user, the one who asks most first."""
        since = self.since()
        self.finish(entries_body("users", "user", since, await self.used("user_name", since)))


class UsageOverTimeHandler(UsageHandler):
    """`GET /api/admin/metrics/timeseries`."""

    @web.authenticated
    @authorized("read", "llm")
    async def get(self) -> None:
        """The use hour by hour or day by day, also where there was none."""
        step_s = step_seconds(self.get_query_argument("step", "hour"))
        since = self.since() // step_s * step_s
        used = await self.used("hour", since, step_s=step_s)
        self.finish(points_body(since, int(time.time()), step_s, used))


class RecentRequestsHandler(LLMHandler):
    """`GET /api/admin/metrics/requests`."""

    @web.authenticated
    @authorized("write", "llm")
    async def get(self) -> None:
        """The last requests that this server has answered, the latest first.

        Without those to models that this caller may not know.
        """
        self.caller.check_may_know_all_models()
        limit = requests_limit(self.get_query_argument("limit", "100"))
        may_know = self.context.manager.may_know
        recent = [one for one in self.context.recorder.recent if may_know(one.model_id)]
        self.finish({"requests": [request_body(one) for one in reversed(recent[-limit:])]})
