"""`labextension/src/types.ts` repeats what the server sends; here the two are compared."""

from __future__ import annotations

import dataclasses
import re
import typing
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from jupyter_llm import types

if TYPE_CHECKING:
    from live import LiveServer

SOURCE = (Path(__file__).parent.parent / "labextension/src/types.ts").read_text()
INTERFACES = dict(
    re.findall(r"^export interface (\w+) \{\n(.*?)^\}", SOURCE, re.MULTILINE | re.DOTALL)
)
VALUES = {
    name: value
    for name in INTERFACES
    if dataclasses.is_dataclass(value := getattr(types, name.removeprefix("I"), None))
}
PLAIN = {str: "string", int: "number", float: "number", bool: "boolean"}


def in_typescript(hint: object) -> str:
    if hint in PLAIN:
        return PLAIN[typing.cast("type", hint)]
    if typing.get_origin(hint) is tuple:
        return f"{in_typescript(typing.get_args(hint)[0])}[]"
    name = typing.cast("type", hint).__name__
    return name if issubclass(typing.cast("type", hint), StrEnum) else f"I{name}"


def fields_of_interface(name: str) -> dict[str, str]:
    return dict(re.findall(r"^  (\w+): (.+);$", INTERFACES[name], re.MULTILINE))


def test_the_interfaces_that_stand_for_values_are_found() -> None:
    assert {"IModel", "IModelStatus", "IDevice"} <= VALUES.keys()


@pytest.mark.parametrize("name", VALUES)
def test_an_interface_has_the_fields_of_its_value(name: str) -> None:
    hints = typing.get_type_hints(VALUES[name])
    expected = {
        field.name: in_typescript(hints[field.name]) for field in dataclasses.fields(VALUES[name])
    }
    assert fields_of_interface(name) == expected


@pytest.mark.parametrize("kind", [types.ModelState, types.ModelSource])
def test_a_union_has_the_members_of_its_enumeration(kind: type[StrEnum]) -> None:
    pattern = rf"^export type {kind.__name__} =(.*?);"
    (union,) = re.findall(pattern, SOURCE, re.MULTILINE | re.DOTALL)
    assert re.findall(r"'([\w-]+)'", union) == [member.value for member in kind]


@pytest.mark.parametrize(("path", "name"), [("models", "IModelsBody"), ("vram", "IMemoryBody")])
def test_an_answer_has_the_fields_of_its_interface(
    live_server: LiveServer, path: str, name: str
) -> None:
    body = live_server.json(path)
    assert fields_of_interface(name).keys() <= body.keys()
    (element,) = re.findall(r"(\w+)\[\]", fields_of_interface(name)["data"])
    assert fields_of_interface(element).keys() <= body["data"][0].keys()
