"""Schemas of bodies and answers, by msgspec for our own types and by pydantic for `openai`'s."""

from __future__ import annotations

import inspect
from importlib import import_module
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable

Schema = dict[str, Any]

_PLACE = "#/components/schemas/"
# both know a `Model`; in names of components a dot is allowed, in those of classes it is not
_FOREIGN = "openai."


class Schemas:
    """The schemas of `components`, and references to them.

    `kinds` are msgspec structs, dataclasses, typed dictionaries, places of pydantic models
    (`module:name`) and tuples of alternatives. Importing the models takes a second.
    """

    def __init__(self, kinds: Iterable[Any]) -> None:
        single = {one for kind in kinds for one in _alternatives(kind)}
        places = sorted(kind for kind in single if isinstance(kind, str))
        own = sorted((kind for kind in single if not isinstance(kind, str)), key=str)
        described, components = msgspec.json.schema_components(own, ref_template=_PLACE + "{name}")
        foreign, definitions = _pydantic_schemas(places)
        self._references = dict(zip(own, described, strict=True)) | foreign
        self.components = {**_tidied(components), **definitions}

    def of(self, kind: Any) -> Schema:
        """A reference to the schema of a type."""
        found = [self._references[one] for one in _alternatives(kind)]
        return found[0] if len(found) == 1 else {"anyOf": found}


def _alternatives(kind: Any) -> tuple[Any, ...]:
    if not isinstance(kind, tuple):
        return (kind,)
    return tuple(one for part in kind for one in _alternatives(part))


def _pydantic_schemas(places: list[str]) -> tuple[dict[str, Schema], dict[str, Schema]]:
    from pydantic.json_schema import models_json_schema

    models = {place: _imported(place) for place in places}
    references, whole = models_json_schema(
        [(model, "validation") for model in models.values()],
        ref_template=f"{_PLACE}{_FOREIGN}{{model}}",
    )
    definitions = whole.get("$defs", {})
    return (
        {place: references[model, "validation"] for place, model in models.items()},
        {_FOREIGN + name: schema for name, schema in definitions.items()},
    )


def _imported(place: str) -> Any:
    module, _, name = place.partition(":")
    return getattr(import_module(module), name)


def _tidied(schema: Any) -> Any:
    """Without defaults that say nothing, and with descriptions as they were meant."""
    if isinstance(schema, list):
        return [_tidied(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    tidy = {
        name: _tidied(part)
        for name, part in schema.items()
        if (name, part) not in (("default", None), ("required", []))
    }
    if isinstance(text := tidy.get("description"), str):
        tidy["description"] = inspect.cleandoc(text)
    return tidy
