"""Whether this server lives, and whether a model of it can answer."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from jupyter_server.auth.decorator import authorized
from tornado import web

from jupyter_llm.engines.select import backends

from .base import LLMHandler
from .wire.hardware import devices_body, engine_body
from .wire.health import health_body, health_of

if TYPE_CHECKING:
    from .context import Context


class HealthHandler(LLMHandler):
    """`GET /health`."""

    @web.authenticated
    @authorized("read", "llm")
    async def get(self) -> None:
        """Where the server stands, with hints on what to do next."""
        self.finish(await _health(self.context))


class DetailedHealthHandler(LLMHandler):
    """`GET /api/health`."""

    @web.authenticated
    @authorized("read", "llm")
    async def get(self) -> None:
        """Where each engine and each device stands."""
        loaded = self.context.manager.loaded()
        engines, survey = await asyncio.gather(
            asyncio.to_thread(backends), self.context.memory.latest()
        )
        self.finish(
            {
                **await _health(self.context),
                "engines": [engine_body(engine, loaded) for engine in engines],
                **devices_body(survey),
            }
        )


async def _health(context: Context) -> dict[str, Any]:
    default = await context.manager.active()
    return health_body(default, context.manager.loaded(), context.first_model.hint)


class LiveHandler(LLMHandler):
    """`GET /health/live`."""

    @web.authenticated
    @authorized("read", "llm")
    def get(self) -> None:
        """Answer 200 as long as the server answers at all."""
        self.finish({"status": "alive"})


class ReadyHandler(LLMHandler):
    """`GET /health/ready`."""

    @web.authenticated
    @authorized("read", "llm")
    def get(self) -> None:
        """Answer 200 while a model is in memory and serves requests, 503 otherwise."""
        status = health_of(None, self.context.manager.loaded())
        if status != "ready":
            self.set_status(HTTPStatus.SERVICE_UNAVAILABLE)
        self.finish({"status": "ready" if status == "ready" else "not_ready"})
