"""Which engine runs a model, where it runs, and which engines are installed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, partial
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from jupyter_llm._version import __version__
from jupyter_llm.errors import EngineUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from jupyter_llm.engines.base import Engine

Isolation = Literal["auto", "thread", "process"]
"""Where engines run: inside the server, in child processes, or as suits the deployment."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EngineInfo:
    """An engine as this machine has it.

    `device` is what it computes on; `reason` says why it is not available and
    `install_command` what would change that, both empty where it is installed.
    """

    name: str
    installed: bool
    version: str = ""
    formats: tuple[str, ...]
    device: str = "cpu"
    reason: str = ""
    install_command: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Source:
    """Where an engine's code is, and what it must find; empty means it needs nothing."""

    location: str
    formats: tuple[str, ...]
    module: str = ""
    distribution: str = ""
    extra: str = ""
    is_native: bool = False


_SOURCES = {
    "echo": _Source(location="jupyter_llm.engines.echo.engine:EchoEngine", formats=("echo",)),
    "llama_cpp": _Source(
        location="jupyter_llm.engines.llama_cpp.engine:LlamaCppEngine",
        formats=("gguf",),
        module="llama_cpp",
        distribution="llama-cpp-python",
        extra="llama-cpp",
        is_native=True,
    ),
}


def engine_for(model_format: str) -> str:
    """The engine that runs files of this format.

    Raises:
        EngineUnavailableError: No engine does.
    """
    for name, source in _SOURCES.items():
        if model_format in source.formats:
            return name
    raise EngineUnavailableError(
        f"No engine runs {model_format} files here. Take the model as a GGUF file."
    )


def runs_in_process(name: str, isolation: Isolation, *, under_hub: bool) -> bool:
    """Whether the engine gets a child process of its own.

    1. What cannot crash the server needs none: only native code does.
    2. `thread` and `process` are orders.
    3. `auto` protects a server that JupyterHub runs for somebody else; a single
       user keeps the shorter way.
    """
    if not _source(name).is_native:
        return False
    return under_hub if isolation == "auto" else isolation == "process"


def find_engine(
    name: str, *, isolation: Isolation = "thread", under_hub: bool = False
) -> Callable[[], Engine]:
    """What makes an engine of this name; imports it, so call it in a thread.

    Raises:
        EngineUnavailableError: There is none of this name, or it is not installed.
    """
    source = _source(name)
    info = _describe(name, source)
    if not info.installed:
        raise EngineUnavailableError(f"{info.reason}: {info.install_command}")
    if runs_in_process(name, isolation, under_hub=under_hub):
        return partial(_imported("jupyter_llm.engines.host.engine:HostedEngine"), name)
    return _imported(source.location)


def backends() -> tuple[EngineInfo, ...]:
    """Every engine this version knows, found without importing one."""
    return tuple(_describe(name, source) for name, source in _SOURCES.items())


def why_unavailable(engines: Mapping[str, EngineInfo], name: str, model_format: str) -> str:
    """Why a model is not run here, empty if it is; `engines` are those of `backends` by name."""
    try:
        info = engines.get(name or engine_for(model_format))
    except EngineUnavailableError as error:
        return error.message
    return "" if info is None or info.installed else f"{info.reason}: {info.install_command}"


def device_of(name: str) -> str:
    """What an engine computes on, and so where its weights come to lie; looks at the disk."""
    return next((info.device for info in backends() if info.name == name), "cpu")


def _describe(name: str, source: _Source) -> EngineInfo:
    if not source.module:
        return EngineInfo(name=name, installed=True, version=__version__, formats=source.formats)
    spec = find_spec(source.module)
    if spec is None:
        return EngineInfo(
            name=name,
            installed=False,
            formats=source.formats,
            reason=f"{source.distribution} is not installed",
            install_command=f"pip install 'jupyter-llm[{source.extra}]'",
        )
    return EngineInfo(
        name=name,
        installed=True,
        version=_version_of(source.distribution),
        formats=source.formats,
        device=_device_of(tuple(spec.submodule_search_locations or ())),
    )


def _version_of(distribution: str) -> str:
    """Empty for a module that lies on the path without being installed."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return ""


@cache
def _device_of(folders: tuple[str, ...]) -> str:
    """The device that ggml was built for, from the libraries beside the bindings."""
    built = " ".join(path.name for folder in folders for path in Path(folder, "lib").glob("*ggml*"))
    return next((device for device in ("cuda", "metal", "vulkan") if device in built), "cpu")


def _source(name: str) -> _Source:
    try:
        return _SOURCES[name]
    except KeyError:
        known = ", ".join(_SOURCES)
        raise EngineUnavailableError(f"There is no engine {name!r}; there are: {known}.") from None


def _imported(location: str) -> Callable[..., Engine]:
    module, _, attribute = location.partition(":")
    engine: Callable[..., Engine] = getattr(import_module(module), attribute)
    return engine
