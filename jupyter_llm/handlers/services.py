"""`/api/v1/services` and `/api/v1/recipes`: jobs of one's own, on a cluster or on this machine."""

from __future__ import annotations

import asyncio
from http import HTTPStatus

from jupyter_server.auth.decorator import authorized
from tornado import web

from .auth import owner_of
from .base import LLMHandler
from .wire.services import (
    check_cancels,
    creation,
    log_body,
    log_offset,
    recipe_body,
    service_body,
    status_body,
    updated_body,
)


def viewer(handler: LLMHandler) -> str | None:
    """Whose services a caller sees; with `None` everybody's."""
    owner = owner_of(handler)
    return None if not owner or owner in handler.context.service_admins else owner


class ServiceRoute(LLMHandler):
    """What the routes of services have in common."""

    def viewer(self) -> str | None:
        """Whose services the caller sees; with `None` everybody's."""
        return viewer(self)


class ServicesHandler(ServiceRoute):
    """`/api/v1/services`."""

    _track_activity = True

    @web.authenticated
    @authorized("read", "llm")
    async def get(self) -> None:
        """Your services, those that have ended, too, the newest first."""
        found = await self.context.services.all(self.viewer())
        self.finish({"services": [service_body(service) for service in found]})

    @web.authenticated
    @authorized("write", "llm")
    async def post(self) -> None:
        """Start a service; the answer does not wait until it runs."""
        asked = creation(self.request.body)
        service = await self.context.services.create(
            asked.recipe_name, asked.config, owner=owner_of(self), name=asked.name or ""
        )
        self.set_status(HTTPStatus.CREATED)
        self.finish(service_body(service))


class ServiceHandler(ServiceRoute):
    """`/api/v1/services/{id}`."""

    @web.authenticated
    @authorized("read", "llm")
    async def get(self, service_id: str) -> None:
        """One service."""
        self.finish(service_body(await self.context.services.get(service_id, self.viewer())))

    @web.authenticated
    @authorized("write", "llm")
    async def delete(self, service_id: str) -> None:
        """Cancel a service, as POST …/status does, which is preferred; its record stays."""
        self.set_header("Deprecation", "true")
        service = await self.context.services.cancel(service_id, self.viewer())
        self.finish(updated_body(service))


class ServiceStatusHandler(ServiceRoute):
    """`/api/v1/services/{id}/status`."""

    @web.authenticated
    @authorized("read", "llm")
    async def get(self, service_id: str) -> None:
        """How a service stands."""
        self.finish(status_body(await self.context.services.get(service_id, self.viewer())))

    @web.authenticated
    @authorized("write", "llm")
    async def post(self, service_id: str) -> None:
        """Cancel a service; its record stays."""
        check_cancels(self.request.body)
        service = await self.context.services.cancel(service_id, self.viewer())
        self.finish(updated_body(service))


class ServiceLogsHandler(ServiceRoute):
    """`GET /api/v1/services/{id}/logs`."""

    @web.authenticated
    @authorized("read", "llm")
    async def get(self, service_id: str) -> None:
        """What a service has written, from a byte on; at most 256 KiB at once."""
        offset = log_offset(self.get_query_argument("offset", "0"))
        text, end = await self.context.services.log(service_id, self.viewer(), offset=offset)
        self.finish(log_body(service_id, text, offset, end))


class RecipesHandler(LLMHandler):
    """`GET /api/v1/recipes`."""

    @web.authenticated
    @authorized("read", "llm")
    async def get(self) -> None:
        """Every recipe."""
        found = await asyncio.to_thread(self.context.services.cookbook.recipes)
        self.finish({"recipes": [recipe_body(recipe) for recipe in found.values()]})


class RecipeHandler(LLMHandler):
    """`GET /api/v1/recipes/{name}`."""

    @web.authenticated
    @authorized("read", "llm")
    async def get(self, name: str) -> None:
        """A recipe by its name, with or without its folder."""
        found = await asyncio.to_thread(self.context.services.cookbook.recipe, name)
        self.finish(recipe_body(found))
