"""What a manager is made of, and how that is put together."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from jupyter_llm.engines import select
from jupyter_llm.engines.remote.remotes import ENGINE
from jupyter_llm.library.catalogue import Catalogue
from jupyter_llm.manager.gates import Gates
from jupyter_llm.manager.holder import Finders
from jupyter_llm.manager.instances import Instances
from jupyter_llm.manager.listing import Listing
from jupyter_llm.manager.loader import Loader
from jupyter_llm.manager.names import Names

if TYPE_CHECKING:
    from collections.abc import Callable

    from jupyter_llm.engines.base import Engine
    from jupyter_llm.hardware.pool import MemoryPool
    from jupyter_llm.manager.listeners import Listeners
    from jupyter_llm.manager.settings import ManagerSettings
    from jupyter_llm.types import Model


@dataclass(frozen=True, kw_only=True, slots=True)
class Parts:
    """The parts of one manager, which know of each other."""

    gates: Gates
    catalogue: Catalogue
    instances: Instances
    names: Names
    listing: Listing
    loader: Loader

    def with_names(self, names: Names) -> Parts:
        """The same parts for somebody to whom models have these names."""
        return replace(self, names=names, loader=self.loader.with_names(names))


def assemble(
    settings: ManagerSettings,
    *,
    pool: MemoryPool,
    listeners: Listeners,
    find_engine: Callable[[str], Callable[[], Engine]] | None,
) -> Parts:
    """The parts of a manager; `find_engine` of `None` takes the engines of this package."""
    gates, catalogue = Gates(), _catalogue(settings)

    # names are of instances, too, which find draft models by name
    async def find_model(name: str) -> Model:
        return await names.find(name)

    find = Finders(
        engine=find_engine or _engines(settings),
        adapter=catalogue.resolve_adapter,
        model=find_model,
        models=catalogue.models,
    )
    instances = Instances(settings=settings, gates=gates, find=find, pool=pool, listeners=listeners)
    names = Names(settings, catalogue, instances)
    return Parts(
        gates=gates,
        catalogue=catalogue,
        instances=instances,
        names=names,
        listing=Listing(
            settings=settings, names=names, instances=instances, capacities=pool.capacities
        ),
        loader=Loader(settings=settings, names=names, instances=instances, gates=gates),
    )


def _catalogue(settings: ManagerSettings) -> Catalogue:
    return Catalogue(
        settings.models_dirs,
        settings.allowed_models,
        shared_dirs=settings.shared_models_dirs,
        hf_cache_dir=settings.hf_cache_dir,
        paths=settings.model_paths,
        others=lambda: (*select.built_in_models(), *settings.remotes.models()),
    )


def _engines(settings: ManagerSettings) -> Callable[[str], Callable[[], Engine]]:
    find = partial(select.find_engine, isolation=settings.isolation, under_hub=settings.under_hub)

    def find_any(name: str) -> Callable[[], Engine]:
        if name != ENGINE:
            return find(name)
        from jupyter_llm.engines.remote.engine import RemoteEngine

        # the one engine that has to be told whom it may call
        return partial(RemoteEngine, settings.remotes)

    return find_any
