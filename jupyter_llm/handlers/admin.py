"""`/api/admin/status` and `/api/admin/models`: the server and its models, for who keeps them."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from jupyter_server.auth.decorator import authorized
from tornado import web

from jupyter_llm._version import __version__
from jupyter_llm.engines.select import backends
from jupyter_llm.errors import RegistryError
from jupyter_llm.registry.records import read_records
from jupyter_llm.types import ModelSettings, ModelState, ModelStatus

from .base import LLMHandler
from .wire.admin import (
    Past,
    admin_model_body,
    check_aliases,
    downloads_body,
    registry_body,
    removed_body,
    settings_body,
    settings_change,
)
from .wire.hardware import devices_body, engine_body
from .wire.health import health_body

if TYPE_CHECKING:
    from jupyter_llm.manager.settings import ManagerSettings


class AdminHandler(LLMHandler):
    """What the routes below have in common."""

    async def past(self) -> Past:
        """What the registry knows; where it fails, the rest is told all the same."""
        registry = self.context.registry
        try:
            known = await registry.exists()
            return Past(records=await registry.run(read_records) if known else {})
        except RegistryError as error:
            return Past(records={}, error=error.message)


class AdminStatusHandler(AdminHandler):
    """`GET /api/admin/status`."""

    @web.authenticated
    @authorized("read", "llm")
    async def get(self) -> None:
        """Health, engines, devices, downloads and the registry at a glance."""
        context = self.context
        loaded = context.manager.loaded()
        engines, survey, past = await asyncio.gather(
            asyncio.to_thread(backends), self.context.memory.latest(), self.past()
        )
        self.finish(
            {
                **health_body(await context.manager.active(), loaded),
                "version": __version__,
                "started_at": context.started_at,
                "engines": [engine_body(engine, loaded) for engine in engines],
                **devices_body(survey),
                "downloads": downloads_body(context.puller.downloads.all()),
                "registry": registry_body(past.error),
            }
        )


class AdminModelsHandler(AdminHandler):
    """`GET /api/admin/models`."""

    @web.authenticated
    @authorized("read", "llm")
    async def get(self) -> None:
        """Every model with its settings, its past and its use."""
        manager = self.context.manager
        await manager.settings.saved.fresh()
        statuses = await manager.models()
        self.context.recorder.note_seen(status.model for status in statuses)
        past = await self.past()
        self.finish(
            {
                "models": [admin_model_body(s, manager.settings, past) for s in statuses],
                "registry": registry_body(past.error),
            }
        )


class AdminModelHandler(AdminHandler):
    """`/api/admin/models/{id}`."""

    @web.authenticated
    @authorized("read", "llm")
    async def get(self, name: str) -> None:
        """One model, as the list has it."""
        manager = self.context.manager
        model = await manager.resolve(name)
        loaded = {status.model.id: status for status in manager.loaded()}
        unloaded = ModelStatus(model=model, state=ModelState.UNLOADED)
        status = loaded.get(model.id, unloaded)
        self.finish(admin_model_body(status, manager.settings, await self.past()))

    @web.authenticated
    @authorized("write", "llm")
    async def delete(self, name: str) -> None:
        """Unload a model and delete its files."""
        # its remover knows no callers
        await self.context.manager.resolve(name)
        model, num_bytes = await self.context.remover.remove(name)
        self.finish(removed_body(model.id, num_bytes))


def _owner(settings: ManagerSettings, alias: str) -> str:
    """The model that an alias stands for, if it stands for one."""
    owner = settings.model_of(alias)
    return "" if owner == alias else owner


class ModelSettingsHandler(LLMHandler):
    """`/api/admin/models/{id}/settings`; of a model whose files are gone, too."""

    @web.authenticated
    @authorized("read", "llm")
    async def get(self, name: str) -> None:
        """What was decided about a model."""
        self._finish(await self._model_id(name))

    @web.authenticated
    @authorized("write", "llm")
    async def post(self, name: str) -> None:
        """Decide something else about a model; what the body leaves out stays."""
        changes = settings_change(self.request.body)
        settings, model_id = self.context.manager.settings, await self._model_id(name)
        if aliases := changes.get("aliases"):
            check_aliases(aliases, await self.context.manager.all_ids(), settings.aliases)
            for alias in aliases:
                # nor may a key take the name of a model that it does not see
                self.context.manager.check_allowed(_owner(settings, alias) or model_id)
        await settings.saved.change(model_id, lambda before: replace(before, **changes))
        self._finish(model_id)

    @web.authenticated
    @authorized("write", "llm")
    async def delete(self, name: str) -> None:
        """Take back everything that was decided about a model."""
        model_id = await self._model_id(name)
        await self.context.manager.settings.saved.save(model_id, ModelSettings())
        self._finish(model_id)

    async def _model_id(self, name: str) -> str:
        saved = self.context.manager.settings.saved
        await saved.fresh()
        if saved.of(name) != ModelSettings():
            self.context.manager.check_allowed(name)
            return name
        return (await self.context.manager.resolve(name)).id

    def _finish(self, model_id: str) -> None:
        self.finish(settings_body(model_id, self.context.manager.settings))
