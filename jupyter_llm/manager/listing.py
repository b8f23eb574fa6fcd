"""Everything there is, with what it takes and whether that fits this machine."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from jupyter_llm.engines import select
from jupyter_llm.engines.estimate import estimate
from jupyter_llm.hardware.reckon import UNBOUNDED_BYTES
from jupyter_llm.manager.decide import fit_of
from jupyter_llm.manager.probes import LoadSpec
from jupyter_llm.types import Fit, ListedModel, ModelState, ModelStatus

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

    from jupyter_llm.library.catalogue import Unusable
    from jupyter_llm.manager.instances import Instances
    from jupyter_llm.manager.names import Names
    from jupyter_llm.manager.settings import ManagerSettings
    from jupyter_llm.types import Adapter, LoadOptions, MemoryUse, Model

_USUAL_DEVICE = "cpu"


@dataclass(frozen=True, kw_only=True, slots=True)
class Inventory:
    """What is on the disk and in memory: models by id, adapters, and files of no use.

    `active` is the model that answers where a request names none, if there is such a model.
    """

    models: tuple[ListedModel, ...]
    adapters: tuple[Adapter, ...]
    unusable: tuple[Unusable, ...]
    active: Model | None


class Listing:
    """Takes stock for one manager.

    `capacities` tells how many bytes a model could have at most on each kind of device.
    """

    def __init__(
        self,
        *,
        settings: ManagerSettings,
        names: Names,
        instances: Instances,
        capacities: Callable[[Iterable[str]], Awaitable[dict[str, int]]],
    ) -> None:
        self._settings = settings
        self._names = names
        self._instances = instances
        self._capacities = capacities

    async def inventory(self) -> Inventory:
        """Everything, as it is now."""
        looking = self._names.catalogue.contents()
        contents, memory = await asyncio.gather(looking, self._memory())
        by_id = {model.id: model for model in contents.models}
        # another look at the disk only where the active model has no id, but a path
        active = by_id.get(self._names.active_id) or await self._names.active()
        statuses = with_loaded(contents.models, [each.status for each in self._instances])
        models = await asyncio.to_thread(self._listed, statuses, memory)
        return Inventory(
            models=models,
            adapters=contents.adapters,
            unusable=contents.unusable,
            active=active,
        )

    async def _memory(self) -> dict[str, int]:
        """What a model may take on each kind of device that an engine here computes on."""
        engines = await asyncio.to_thread(select.backends)
        capacities = await self._capacities({_USUAL_DEVICE, *(info.device for info in engines)})
        budget = self._settings.memory_budget_bytes or UNBOUNDED_BYTES
        return {kind: min(max(free, 0), budget) for kind, free in capacities.items()}

    def _listed(
        self, statuses: Sequence[ModelStatus], memory: Mapping[str, int]
    ) -> tuple[ListedModel, ...]:
        """In a thread: it looks for packages and at files."""
        engines = {info.name: info for info in select.backends()}
        # once, and not for each of hundreds
        usual = self._settings.options_of("")
        listed = []
        for found in statuses:
            unavailable = select.why_unavailable(engines, found.model.engine, found.model.format)
            status = found if unavailable else _with_engine(found, engines)
            model, need = status.model, self._need(status, usual)
            kind = engines[model.engine].device if model.engine in engines else _USUAL_DEVICE
            knows = not unavailable and memory[kind] < UNBOUNDED_BYTES
            fit = fit_of(need.total_bytes, memory[kind]) if knows else Fit.UNKNOWN
            listed.append(
                ListedModel(status=status, estimate=need, fit=fit, unavailable=unavailable)
            )
        return tuple(listed)

    def _need(self, status: ModelStatus, usual: LoadOptions) -> MemoryUse:
        """What it takes; or was found out to take, when it was tried; or should take."""
        if status.memory.total_bytes:
            return status.memory
        model = status.model
        has_own = model.id in self._settings.model_options
        options = self._settings.options_of(model.id) if has_own else usual
        spec = LoadSpec(model=model, engine_name=model.engine, options=options)
        return self._instances.probes.known(spec) or estimate(model, options)


def _with_engine(status: ModelStatus, engines: Mapping[str, select.EngineInfo]) -> ModelStatus:
    """The status of a model whose files leave the engine open, with the one that would run it."""
    if status.model.engine:
        return status
    engine = select.choose(status.model.format, engines.values()).name
    return replace(status, model=replace(status.model, engine=engine))


def with_loaded(models: Iterable[Model], loaded: Iterable[ModelStatus]) -> tuple[ModelStatus, ...]:
    """Models and where they stand, by id; those of `loaded` may be on the disk no more."""
    unloaded = {model.id: ModelStatus(model=model, state=ModelState.UNLOADED) for model in models}
    in_memory = {status.model.id: status for status in loaded}
    return tuple(status for _, status in sorted((unloaded | in_memory).items()))
