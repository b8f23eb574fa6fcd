"""Engines of other packages: entry points of the group `jupyter_llm.engines`."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING

from jupyter_llm.engines.source import BUILT_IN, EngineSource

if TYPE_CHECKING:
    from collections.abc import Iterable

GROUP = "jupyter_llm.engines"

_NAME = re.compile(r"[A-Za-z][\w.-]{0,63}")


@dataclass(frozen=True, kw_only=True, slots=True)
class BrokenPlugin:
    """An entry point that is no engine: why, and what would mend it."""

    name: str
    reason: str
    command: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Plugins:
    """What other packages bring."""

    sources: tuple[EngineSource, ...] = ()
    broken: tuple[BrokenPlugin, ...] = ()


@cache
def plugins() -> Plugins:
    """The engines of every package that is installed; looks at the disk, once.

    A package that is installed later is seen by the next server.
    """
    return read_plugins(entry_points(group=GROUP))


def read_plugins(found: Iterable[EntryPoint]) -> Plugins:
    """What entry points hold; one that is wrong does no harm to the others."""
    taken = {source.name for source in BUILT_IN}
    sources: list[EngineSource] = []
    broken: list[BrokenPlugin] = []
    for point in sorted(found, key=lambda point: point.name):
        try:
            source = _with_distribution(_checked(point.load(), taken), point)
        except Exception as error:  # noqa: BLE001 - it is foreign code
            broken.append(_broken(point, error))
        else:
            taken.add(source.name)
            sources.append(source)
    return Plugins(sources=tuple(sources), broken=tuple(broken))


def _checked(source: object, taken: set[str]) -> EngineSource:
    """An entry point's object, if it can be used.

    Raises:
        ValueError: It cannot.
    """
    if not isinstance(source, EngineSource):
        raise ValueError(f"it is a {type(source).__name__} and no EngineSource")  # noqa: TRY004
    if not _NAME.fullmatch(source.name):
        raise ValueError(f"{source.name!r} is no name for an engine")
    if source.name in taken:
        raise ValueError(f"there is an engine {source.name!r} already")
    if foreign := [model.id for model in source.models if model.engine != source.name]:
        raise ValueError(f"its models {', '.join(foreign)} name another engine")
    return source


def _with_distribution(source: EngineSource, point: EntryPoint) -> EngineSource:
    """The package that registers an engine says its version, where no other one is named."""
    if source.distribution or point.dist is None:
        return source
    return replace(source, distribution=point.dist.name)


def _broken(point: EntryPoint, error: Exception) -> BrokenPlugin:
    package = point.dist.name if point.dist else point.module.partition(".")[0]
    return BrokenPlugin(
        name=point.name,
        reason=f"The engine {point.name!r} of the package {package} cannot be used: "
        f"{error if isinstance(error, ValueError) else repr(error)}",
        command=f"pip install --upgrade {package}",
    )
