"""The instances of one server, at most one of each model."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from jupyter_llm.engines import select
from jupyter_llm.errors import InvalidRequestError, ModelLoadError
from jupyter_llm.manager.adviser import Adviser
from jupyter_llm.manager.decide import check_options
from jupyter_llm.manager.dormitory import Dormitory
from jupyter_llm.manager.instance import Instance
from jupyter_llm.manager.probes import Probes
from jupyter_llm.manager.room import Room
from jupyter_llm.manager.surroundings import Surroundings
from jupyter_llm.types import ModelState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jupyter_llm.hardware.pool import MemoryPool
    from jupyter_llm.manager.gates import Gates
    from jupyter_llm.manager.holder import Finders
    from jupyter_llm.manager.listeners import Listeners
    from jupyter_llm.manager.settings import ManagerSettings
    from jupyter_llm.types import LoadOptions, Model, ModelStatus

log = logging.getLogger(__name__)


class Instances:
    """Makes instances where they are wanted, and finds those that live.

    `gates` hold back the requests of a model that is being replaced. `listeners` are told
    what happens. Set `is_stopping` to have no more made.
    """

    def __init__(
        self,
        *,
        settings: ManagerSettings,
        gates: Gates,
        find: Finders,
        pool: MemoryPool,
        listeners: Listeners,
    ) -> None:
        self.is_stopping = False
        self.probes = Probes()
        self._settings = settings
        self._gates = gates
        self._listeners = listeners
        self._by_id: dict[str, Instance] = {}
        self._dormitory = Dormitory(pool, settings)
        self._room = Room(
            settings=settings,
            pool=pool,
            dormitory=self._dormitory,
            instances=self._by_id.values,
        )
        self._around = Surroundings(
            settings=settings,
            find=find,
            probes=self.probes,
            room=self._room,
            dormitory=self._dormitory,
            adviser=Adviser(find=find, probes=self.probes, settings=settings),
            load_turn=asyncio.Lock(),
            listeners=replace(listeners, on_change=self._note_change),
        )

    def __iter__(self) -> Iterator[Instance]:
        return iter(tuple(self._by_id.values()))

    def get(self, model_id: str) -> Instance | None:
        """The instance of this model, if there is one."""
        return self._by_id.get(model_id)

    async def ensure_for_request(self, model: Model) -> Instance:
        """The instance that a request may enter; waits while it is drained or replaced.

        Raises:
            LLMError: Loading it has just failed.
        """
        while True:
            await self._gates.passed(model.id)
            instance = self._by_id.get(model.id)
            if instance is not None and (refusal := instance.refusal()):
                raise refusal
            instance = await self.ensure(model, None, None)
            # while it waited for the end of another instance, a reload may have begun
            if instance.door.is_open and not self._gates.is_closed(model.id):
                return instance
            await instance.door.opened()

    async def ensure(
        self, model: Model, options: LoadOptions | None, engine: str | None
    ) -> Instance:
        """The instance of this model, a new one where none lives.

        Raises:
            InvalidRequestError: It lives with other options, or in another engine.
            ModelLoadError: The server is stopping.
        """
        while True:
            if self.is_stopping:
                raise ModelLoadError("The server is stopping and loads no more models.")
            instance = self._by_id.get(model.id)
            if instance is None or instance.has_failed:
                return self.create(model, options, engine)
            if not instance.is_ending:
                _check_same(instance, options, engine)
                return instance
            await instance.close()

    def create(self, model: Model, options: LoadOptions | None, engine: str | None) -> Instance:
        """A new instance; the model must have none that lives.

        Raises:
            EngineUnavailableError: No engine here runs it.
        """
        engine_name = engine or model.engine or select.engine_for(model.format)
        instance = self._by_id[model.id] = Instance(
            model=replace(model, engine=engine_name),
            engine_name=engine_name,
            options=self._settings.options_of(model.id, options),
            around=self._around,
        )
        return instance

    async def end(self, model_id: str) -> None:
        """Have nothing of this model in memory, not even asleep.

        Raises:
            EngineDiedError: The engine did not end in time.
        """
        try:
            if instance := self._by_id.get(model_id):
                await instance.close()
        finally:
            await self._dormitory.dismiss(model_id)

    async def close_all(self) -> None:
        """Unload all that live, side by side; those that do not end properly are left."""
        instances = list(self)
        ends = await asyncio.gather(
            *(instance.close() for instance in instances), return_exceptions=True
        )
        for instance, end in zip(instances, ends, strict=True):
            if isinstance(end, Exception):
                log.warning("%s was not unloaded: %s", instance.model.id, end)
        await self._dormitory.close()

    def _note_change(self, status: ModelStatus) -> None:
        if status.state is ModelState.UNLOADED:
            del self._by_id[status.model.id]
        self._room.note_change()
        self._listeners.on_change(status)


def _check_same(instance: Instance, options: LoadOptions | None, engine: str | None) -> None:
    """Accept what is loaded for what is asked.

    Raises:
        InvalidRequestError: It was loaded otherwise; `param` names the difference.
    """
    if engine is not None and engine != instance.engine_name:
        raise InvalidRequestError(
            f"{instance.model.id} is loaded in the engine {instance.engine_name}, not {engine}. "
            "Unload it first.",
            param="engine",
        )
    if options is not None:
        check_options(instance.model.id, options, instance.options, instance.stats())
