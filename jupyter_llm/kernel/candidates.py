"""What can stand at a place of a magic's line: names of the server, and of the notebook."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from jupyter_llm.client import Client, services
from jupyter_llm.types import ModelState

from .recent import Recent
from .sampling import EFFORTS

if TYPE_CHECKING:
    from argparse import Action
    from collections.abc import Callable, Iterable, Mapping

Names = tuple[str, ...]
Records = tuple[dict[str, Any], ...]

SPECULATIONS = ("prompt_lookup", "draft_model", "none")
SPLIT_MODES = ("layer", "row", "none")
KV_TYPES = ("f16", "f32", "q8_0", "q4_0")


class Candidates:
    """Values of the arguments of `%llm` and `%%llm`, by the name of the argument.

    `variables` are those of the notebook.
    """

    def __init__(self, variables: Mapping[str, Any]) -> None:
        self._variables = variables
        self._records = Recent[Records](_records, ())
        self._adapters = Recent[Names](_adapters, ())
        self._engines = Recent[Names](_engines, ())
        self._recipes = Recent[Names](_recipes, ())
        self._services = Recent[Names](_services, ())
        self._sources: dict[str, Callable[[], Iterable[str]]] = {
            "adapters": self._adapters.get,
            "backend": self._engines.get,
            "draft_model": self._models,
            "images": lambda: self._named(_can_be_seen),
            "kv_type": lambda: KV_TYPES,
            "model": self._models,
            "name": self._models,
            "out": lambda: self._named(lambda _: True),
            "recipe": self._recipes.get,
            "reasoning_effort": lambda: EFFORTS,
            "schema": lambda: self._named(lambda value: isinstance(value, type | dict)),
            "service": self._services.get,
            "split_mode": lambda: SPLIT_MODES,
            "speculation": lambda: SPECULATIONS,
            "tools": lambda: self._named(inspect.isroutine),
        }

    def of(self, action: Action, verb: str = "") -> tuple[str, ...]:
        """What `action` can be, as far as that is known."""
        if action.choices is not None:
            return tuple(map(str, action.choices))
        if verb == "unload":
            return self._loaded()
        source = self._sources.get(action.dest)
        return tuple(source()) if source else ()

    def _models(self) -> tuple[str, ...]:
        """Every model by its id, and then by its other names."""
        records = self._records.get()
        aliases = {alias for record in records for alias in _aliases(record)}
        return (*(record["id"] for record in records), *sorted(aliases))

    def _loaded(self) -> tuple[str, ...]:
        records = self._records.get()
        return tuple(r["id"] for r in records if r["state"] != ModelState.UNLOADED)

    def _named(self, is_wanted: Callable[[Any], bool]) -> tuple[str, ...]:
        """Variables that the user has made, of a kind."""
        hidden = {"In", "Out", "exit", "quit", "get_ipython", "open"}
        return tuple(
            name
            for name, value in list(self._variables.items())
            if not name.startswith("_")
            and name not in hidden
            and not inspect.ismodule(value)
            and is_wanted(value)
        )


def _can_be_seen(value: Any) -> bool:
    """Whether it is a figure, axes, an image or an array, as far as a glance tells."""
    attributes = ("savefig", "get_figure", "thumbnail", "_repr_png_", "__array_interface__")
    return not isinstance(value, type) and any(hasattr(value, name) for name in attributes)


def _aliases(record: dict[str, Any]) -> tuple[str, ...]:
    settings = record["settings"]
    return (*settings["aliases"], *settings["configured"]["aliases"])


def _records() -> Records:
    with Client() as client:
        return tuple(client.records())


def _adapters() -> Names:
    with Client() as client:
        return client.adapters()


def _engines() -> Names:
    with Client() as client:
        return tuple(engine["name"] for engine in client.backends())


def _recipes() -> Names:
    with Client() as client:
        return tuple(recipe.name for recipe in client.do(services.recipes()))


def _services() -> Names:
    """Those that still go on come first."""
    with Client() as client:
        found = client.do(services.services())
    return tuple(one.id for one in sorted(found, key=lambda one: one.state.is_final))
