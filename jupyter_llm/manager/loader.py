"""Models brought into memory because somebody asked: a load, a switch, a reload."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from copy import copy
from typing import TYPE_CHECKING

from jupyter_llm.errors import ModelLoadError, OverloadedError
from jupyter_llm.manager.draft import with_draft_id

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from jupyter_llm.manager.gates import Gates
    from jupyter_llm.manager.instance import Instance
    from jupyter_llm.manager.instances import Instances
    from jupyter_llm.manager.names import Names
    from jupyter_llm.manager.settings import ManagerSettings
    from jupyter_llm.types import LoadOptions, Model, ModelStatus


class Loader:
    """Loads, and replaces models by others; `ModelManager` says what its methods promise.

    `gates` hold back the requests for what is being replaced, `names` keeps which model
    is the active one.
    """

    def __init__(
        self, *, settings: ManagerSettings, names: Names, instances: Instances, gates: Gates
    ) -> None:
        self._settings = settings
        self._names = names
        self._instances = instances
        self._gates = gates
        self._switch_turn = asyncio.Lock()

    def with_names(self, names: Names) -> Loader:
        """The same loader for somebody to whom models have these names."""
        loader = copy(self)
        loader._names = names  # noqa: SLF001 - its own kind
        return loader

    async def load(
        self,
        name: str,
        options: LoadOptions | None,
        engine: str | None,
        keep_alive_s: float | None,
    ) -> ModelStatus:
        """Load one model, or wait for the load that is under way."""
        model = await self._names.find(name)
        options = await with_draft_id(options, self._names.find)
        while True:
            try:
                return await self._load(model, options, engine, keep_alive_s)
            except ModelLoadError:
                if not self._gates.is_closed(model.id):
                    raise
                # it is being loaded anew: who waited for it waits for that
                await self._gates.passed(model.id)

    async def switch(
        self,
        name: str,
        options: LoadOptions | None,
        engine: str | None,
        keep_alive_s: float | None,
    ) -> ModelStatus:
        """Make one model the active one; one at a time."""
        async with self._switch_turn:
            model, active = await self._names.find(name), await self._names.active()
            before = self._instances.get(active.id) if active else None
            options = await with_draft_id(options, self._names.find)
            if before is not None and before.model.id == model.id:
                return await self._reload(before, options, engine, keep_alive_s)
            with self._gates.closed(""):
                status = await self.load(model.id, options, engine, keep_alive_s)
                self._names.active_id = model.id
            if before is not None:
                before.retire()
            return status

    @asynccontextmanager
    async def absent(self, model_id: str) -> AsyncIterator[None]:
        """Unload a model and hold back its requests while the block runs."""
        async with self._switch_turn:
            with self._gates.closed(model_id):
                await self._instances.end(model_id)
                yield

    async def _load(
        self,
        model: Model,
        options: LoadOptions | None,
        engine: str | None,
        keep_alive_s: float | None,
    ) -> ModelStatus:
        instance = await self._instances.ensure(model, options, engine)
        if keep_alive_s is None:
            keep_alive_s = self._settings.keep_alive_of(model.id)
        instance.door.lifetime.keep_for(keep_alive_s)
        await instance.ready()
        return instance.status

    async def _reload(
        self,
        old: Instance,
        options: LoadOptions | None,
        engine: str | None,
        keep_alive_s: float | None,
    ) -> ModelStatus:
        """Load a model anew, when what runs on it has ended; new requests wait meanwhile."""
        with self._gates.closed("", old.model.id):
            await self._until_idle(old)
            while (instance := self._instances.get(old.model.id)) and not instance.has_failed:
                await instance.close()
            self._instances.create(old.model, options, engine)
            return await self._load(old.model, None, None, keep_alive_s)

    async def _until_idle(self, instance: Instance) -> None:
        patience_s = self._settings.drain_timeout_s
        try:
            async with asyncio.timeout(patience_s):
                await instance.door.idle()
        except TimeoutError:
            raise OverloadedError(
                f"{instance.model.id} was not loaded anew: after {patience_s:.0f} s requests "
                "still run on it. Stop them, or try again.",
                retry_after_s=patience_s,
            ) from None
