"""`labextension/src/types` repeats what the server sends; here the two are compared."""

from __future__ import annotations

import dataclasses
import re
import types as stdlib_types
import typing
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from jupyter_llm import types
from jupyter_llm.handlers.wire.downloads import offers_body, repo_body
from jupyter_llm.library.hub.choose import Choice
from jupyter_llm.library.hub.pull import Offer
from jupyter_llm.library.hub.repo import HubFile, HubRepo
from jupyter_llm.telemetry.events import KINDS

if TYPE_CHECKING:
    from live import LiveServer

FOLDER = Path(__file__).parent.parent / "labextension/src/types"
SOURCE = "\n".join(path.read_text() for path in sorted(FOLDER.glob("*.ts")))
INTERFACES = {
    name: (base, body)
    for name, base, body in re.findall(
        r"^export interface (\w+)(?: extends (\w+))? \{\n(.*?)^\}",
        SOURCE,
        re.MULTILINE | re.DOTALL,
    )
}
VALUES = {
    name: value
    for name in INTERFACES
    if dataclasses.is_dataclass(value := getattr(types, name.removeprefix("I"), None))
}
PLAIN = {str: "string", int: "number", float: "number", bool: "boolean"}


def in_typescript(hint: object) -> str:
    if hint in PLAIN:
        return PLAIN[typing.cast("type", hint)]
    if isinstance(hint, stdlib_types.UnionType):
        value, nothing = typing.get_args(hint)
        assert nothing is type(None)
        return f"{in_typescript(value)} | null"
    if typing.get_origin(hint) is typing.Literal:
        return " | ".join(f"'{each}'" for each in typing.get_args(hint))
    if typing.get_origin(hint) is tuple:
        return f"{in_typescript(typing.get_args(hint)[0])}[]"
    name = typing.cast("type", hint).__name__
    return name if issubclass(typing.cast("type", hint), StrEnum) else f"I{name}"


def fields_of_interface(name: str) -> dict[str, str]:
    base, body = INTERFACES[name]
    inherited = fields_of_interface(base) if base else {}
    return inherited | dict(re.findall(r"^  (\w+): (.+);$", body, re.MULTILINE))


def test_the_interfaces_that_stand_for_values_are_found() -> None:
    assert {
        *(
            "IModel",
            "IModelStatus",
            "IDevice",
            "IDownload",
            "ILoadOptions",
            "IQueuePosition",
            "IService",
        )
    } <= VALUES.keys()


@pytest.mark.parametrize("name", VALUES)
def test_an_interface_has_the_fields_of_its_value(name: str) -> None:
    hints = typing.get_type_hints(VALUES[name])
    expected = {
        field.name: in_typescript(hints[field.name]) for field in dataclasses.fields(VALUES[name])
    }
    assert fields_of_interface(name) == expected


@pytest.mark.parametrize(
    "kind",
    [types.ModelState, types.ModelSource, types.DownloadState, types.Fit, types.ServiceState],
)
def test_a_union_has_the_members_of_its_enumeration(kind: type[StrEnum]) -> None:
    pattern = rf"^export type {kind.__name__} =(.*?);"
    (union,) = re.findall(pattern, SOURCE, re.MULTILINE | re.DOTALL)
    assert re.findall(r"'([\w -]+)'", union) == [member.value for member in kind]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("models", "IModelsBody"),
        ("vram", "IMemoryBody"),
        ("vram", "IServersBody"),
        ("api/admin/status", "IServerStatus"),
        ("api/admin/models", "IUsedModelsBody"),
        ("api/admin/keys", "IKeysBody"),
        ("api/v1/services", "IServicesBody"),
        ("api/v1/recipes", "IRecipesBody"),
        ("api/admin/metrics/summary", "IUsageSummary"),
        ("api/admin/metrics/timeseries", "IUsageSeries"),
        ("api/admin/metrics/users", "IUsersUsageBody"),
    ],
)
def test_an_answer_has_the_fields_of_its_interface(
    live_server: LiveServer, path: str, name: str
) -> None:
    assert_has_fields(live_server.json(path), name)


def test_a_new_key_has_the_fields_of_its_interface(live_server: LiveServer) -> None:
    assert_has_fields(live_server.json("api/admin/keys", {"name": "of a test"}), "INewKey")
    assert_has_fields(live_server.json("api/admin/keys"), "IKeysBody")
    live_server.json("api/admin/keys/of%20a%20test", method="DELETE")


def test_what_each_model_takes_has_the_fields_of_its_interface(live_server: LiveServer) -> None:
    live_server.json("load", {"model": "echo"})
    body = live_server.json("vram")
    live_server.json("unload", {"model": "echo"})
    assert_has_fields(body["models"][0], "IModelMemory")


def test_what_the_hub_has_is_told_in_the_fields_of_its_interfaces() -> None:
    file = HubFile(path="model-Q8_0.gguf", size_bytes=1)
    repo = HubRepo(id="org/name", revision="main", files=(file,))
    choice = Choice(name="model", quantization="Q8_0", files=(file,))
    assert_has_fields(offers_body(repo, [Offer(choice=choice, fit=types.Fit.FITS)]), "IOffersBody")
    assert fields_of_interface("IHubRepo").keys() == repo_body(repo).keys()


def test_every_kind_of_event_is_one_that_the_server_tells() -> None:
    kinds = re.findall(r"IEvent<'(\w+)', (\w+)>", SOURCE)
    assert {kind for kind, _ in kinds} <= set(KINDS)
    assert {body for _, body in kinds} <= INTERFACES.keys()


def assert_has_fields(body: dict[str, typing.Any], name: str) -> None:
    """The body has every field of an interface, and so have the objects in its lists."""
    expected = fields_of_interface(name)
    assert expected.keys() <= body.keys()
    for field, kind in expected.items():
        if kind in INTERFACES:
            assert_has_fields(body[field], kind)
        if kind.startswith("I") and kind.endswith("[]") and body[field]:
            assert_has_fields(body[field][0], kind.removesuffix("[]"))
