"""`GET /v1/models` and `GET /v1/models/{id}`."""

from __future__ import annotations

import asyncio
from pathlib import Path

from jupyter_server.auth.decorator import authorized
from tornado import web

from jupyter_llm.types import ModelState, ModelStatus

from .base import LLMHandler
from .wire.fingerprint import fingerprint
from .wire.models import model_body, model_list_body


class ModelsHandler(LLMHandler):
    """Every model that a request may name."""

    @web.authenticated
    @authorized("read", "llm")
    async def get(self) -> None:
        """List them, loaded or not."""
        await self.context.response_types.ready()
        statuses = await self.context.manager.models()
        self.finish(model_list_body(statuses, self.context.started_at))


class ModelHandler(LLMHandler):
    """One model; its id may hold slashes."""

    @web.authenticated
    @authorized("read", "llm")
    async def get(self, name: str) -> None:
        """Describe it, or 404 with close names."""
        await self.context.response_types.ready()
        model = await self.context.manager.resolve(name)
        loaded = {status.model.id: status for status in self.context.manager.loaded()}
        unloaded = ModelStatus(model=model, state=ModelState.UNLOADED)
        status = loaded.get(model.id, unloaded)
        modified_at = await asyncio.to_thread(_modified_at, model.path)
        self.finish(
            {
                **model_body(status, self.context.started_at),
                "system_fingerprint": fingerprint(model),
                "modified_at": modified_at,
            }
        )


def _modified_at(path: str) -> float | None:
    """When the model's file last changed, in seconds since the epoch."""
    try:
        return Path(path).stat().st_mtime if path else None
    except OSError:
        return None
