"""`GET /models` and its like: what there is to run, by what and on what."""

from __future__ import annotations

import asyncio

from jupyter_server.auth.decorator import authorized
from tornado import web

from jupyter_llm.engines.select import backends

from .base import LLMHandler
from .wire.catalogue import catalogue_body, llms_body
from .wire.hardware import backends_body, vram_body


class CatalogueHandler(LLMHandler):
    """`GET /models`."""

    @web.authenticated
    @authorized("read", "llm")
    async def get(self) -> None:
        """Every model in full."""
        manager = self.context.manager
        inventory = await manager.inventory()
        self.context.recorder.note_seen(listed.status.model for listed in inventory.models)
        self.finish(await asyncio.to_thread(catalogue_body, inventory, manager.models_dirs))


class LLMsHandler(LLMHandler):
    """`GET /api/llms`."""

    @web.authenticated
    @authorized("read", "llm")
    async def get(self) -> None:
        """The models that can be used."""
        inventory = await self.context.manager.inventory()
        self.finish(await asyncio.to_thread(llms_body, inventory))


class BackendsHandler(LLMHandler):
    """`GET /backends`."""

    @web.authenticated
    @authorized("read", "llm")
    async def get(self) -> None:
        """Every engine, and why one is not available."""
        # in a thread: it looks for packages on the disk
        engines = await asyncio.to_thread(backends)
        self.finish(backends_body(engines, self.context.manager.loaded()))


class VramHandler(LLMHandler):
    """`GET /vram`."""

    @web.authenticated
    @authorized("read", "llm")
    async def get(self) -> None:
        """The memory of every device that models are loaded into, and who holds it."""
        survey = await self.context.memory.latest()
        self.finish(vram_body(survey, self.context.manager.loaded()))
