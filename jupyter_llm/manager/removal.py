"""A model from its files to nothing, in an order that leaves nothing behind."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import TYPE_CHECKING

from jupyter_llm.errors import RegistryError
from jupyter_llm.library.removal import check_removable, remove_files
from jupyter_llm.registry.records import forget_model
from jupyter_llm.types import ModelSettings, RemovedModel

if TYPE_CHECKING:
    from collections.abc import Callable

    from jupyter_llm.library.hub.downloads import Downloads
    from jupyter_llm.manager.manager import ModelManager
    from jupyter_llm.registry.database import Registry
    from jupyter_llm.registry.recorder import Recorder
    from jupyter_llm.types import Model

log = logging.getLogger(__name__)


class Remover:
    """Deletes models for one server, and lets its other parts forget them.

    `on_removed` is told of each one when it is forgotten.
    """

    def __init__(
        self,
        *,
        manager: ModelManager,
        downloads: Downloads,
        registry: Registry,
        recorder: Recorder,
        on_removed: Callable[[RemovedModel], object],
    ) -> None:
        self._manager = manager
        self._downloads = downloads
        self._registry = registry
        self._recorder = recorder
        self._on_removed = on_removed

    async def remove(self, name: str) -> tuple[Model, int]:
        """Unload a model and delete its files; returns it, and the bytes that are free now.

        Raises:
            ModelNotFoundError: There is none.
            InvalidRequestError: It is built in, shared, or the disk refuses.
            EngineDiedError: It was not unloaded in time; its files stay.
        """
        model = await self._manager.resolve(name)
        settings = self._manager.settings
        folders = settings.models_dirs, settings.shared_models_dirs
        await asyncio.to_thread(check_removable, model, *folders)
        async with self._manager.absent(model.id):
            num_bytes = await asyncio.to_thread(remove_files, model, *folders)
        await self._forget(model)
        self._on_removed(RemovedModel(model_id=model.id, freed_bytes=num_bytes))
        return model, num_bytes

    async def _forget(self, model: Model) -> None:
        self._recorder.forget(model.id)
        try:
            await self._downloads.forget(Path(model.path))
            await self._manager.settings.saved.save(model.id, ModelSettings())
            await self._registry.run(lambda session: forget_model(session, model.id))
        except RegistryError as error:
            log.warning("%s is deleted, and still in the registry: %s", model.id, error)
