"""`/api/v1/service-groups`: services of several replicas, seen as groups."""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from tornado import web

from .services import ServiceRoute
from .wire.services import (
    check_cancels,
    checked_group,
    group_body,
    group_status_body,
    group_updated_body,
)


class GroupRoute(ServiceRoute):
    """What the routes of one group have in common."""

    async def cancel(self, group_id: str) -> None:
        """End all replicas of a group."""
        checked_group(await self.context.services.get(group_id, self.viewer()))
        service = await self.context.services.cancel(group_id, self.viewer())
        self.finish(group_updated_body(service))


class GroupsHandler(ServiceRoute):
    """`GET /api/v1/service-groups`."""

    @web.authenticated
    @authorized("read", "llm")
    async def get(self) -> None:
        """Your groups, those that have ended, too, the newest first."""
        found = await self.context.services.all(self.viewer())
        self.finish({"groups": [group_body(each) for each in found if each.is_group]})


class GroupHandler(GroupRoute):
    """`/api/v1/service-groups/{id}`."""

    @web.authenticated
    @authorized("read", "llm")
    async def get(self, group_id: str) -> None:
        """One group."""
        found = await self.context.services.get(group_id, self.viewer())
        self.finish(group_body(checked_group(found)))

    @web.authenticated
    @authorized("write", "llm")
    async def delete(self, group_id: str) -> None:
        """Cancel a group, as POST …/status does, which is preferred; its record stays."""
        self.set_header("Deprecation", "true")
        await self.cancel(group_id)


class GroupStatusHandler(GroupRoute):
    """`/api/v1/service-groups/{id}/status`."""

    @web.authenticated
    @authorized("read", "llm")
    async def get(self, group_id: str) -> None:
        """How a group stands, and each of its replicas."""
        found = await self.context.services.get(group_id, self.viewer())
        self.finish(group_status_body(checked_group(found)))

    @web.authenticated
    @authorized("write", "llm")
    async def post(self, group_id: str) -> None:
        """Cancel a group: all of its replicas end, its record stays."""
        check_cancels(self.request.body)
        await self.cancel(group_id)
