"""`%llm doctor`: what the server says of itself, and what mends what is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jupyter_llm._version import __version__
from jupyter_llm.client.tables import Table, size

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from jupyter_llm.client import Client, Server

    Finding = tuple[str, str, str]
    """What was looked at, how it is, and what mends it (empty where nothing has to be)."""

_HEALTH = {
    "ready": ("a model is in memory", ""),
    "available": ("the first question loads {}", ""),
    "unloaded": (
        "no model answers where none is named",
        "`%llm search TEXT` and `%llm pull ORG/REPO` fetch one, `%llm switch NAME` makes it answer",
    ),
}


def doctor_table(client: Client) -> Table:
    """Everything that was looked at; what is wrong comes first."""
    status, server = client.status(), client.server
    findings = [
        *_server(server, status),
        *_models(status),
        *_files(client.unusable()),
        *_engines(status["engines"]),
        *_devices(status),
        *_registry(status),
    ]
    # the sort keeps the order of those that are alike
    rows = sorted(findings, key=lambda finding: not finding[2])
    return Table(headers=("what", "how it is", "what mends it"), rows=rows, empty="")


def _server(server: Server, status: Mapping[str, Any]) -> Iterator[Finding]:
    yield "server", f"{server.url}, found by {server.found_by}", ""
    theirs = status["version"]
    mending = f"`%pip install jupyter-llm=={theirs}`, then restart the kernel"
    yield (
        "jupyter-llm",
        f"{__version__} in this kernel, {theirs} in the server",
        "" if theirs == __version__ else mending,
    )


def _models(status: Mapping[str, Any]) -> Iterator[Finding]:
    text, mending = _HEALTH[status["status"]]
    yield "models", text.format(status["default_model"]), mending
    for model in status["models"]:
        if error := model.get("error"):
            again = f"`%llm load {model['id']}` tries again"
            yield f"model {model['id']}", f"{model['state']}: {error}", again


def _files(unusable: Sequence[Mapping[str, str]]) -> Iterator[Finding]:
    for entry in unusable:
        yield f"file {entry['id']}", entry["error"], "delete it, or fetch it again"


def _engines(engines: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    for engine in engines:
        if engine["installed"]:
            how = " ".join(filter(None, (engine["version"], "on", engine["device"])))
        else:
            how = engine["reason"]
        command = engine["install_command"]
        yield f"engine {engine['name']}", how, f"`{command}` on the server" if command else ""


def _devices(status: Mapping[str, Any]) -> Iterator[Finding]:
    for device in status["devices"]:
        free = f"{size(device['free_bytes'])} of {size(device['total_bytes'])} free"
        yield f"device {device['name'] or device['id']}", free, ""
    for hint in status["device_hints"]:
        yield "devices", hint, ""


def _registry(status: Mapping[str, Any]) -> Iterator[Finding]:
    registry = status["registry"]
    failed = registry["status"] == "failed"
    yield (
        "registry",
        registry["error"] or registry["status"],
        "see to the database that `LLMExtension.registry_url` names" if failed else "",
    )
    if num_failed := status["downloads"].get("failed"):
        yield "downloads", f"{num_failed} failed", "`%llm pull` of the same name goes on with one"
