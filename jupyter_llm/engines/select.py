"""Which engine runs a model, where it runs, and which engines are installed."""

from __future__ import annotations

import os
import platform
import sys
from dataclasses import dataclass
from functools import cache, partial
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from jupyter_llm._version import __version__
from jupyter_llm.engines.plugins import BrokenPlugin, plugins
from jupyter_llm.engines.source import BUILT_IN, GGML, MLX, VLLM, EngineSource
from jupyter_llm.errors import EngineUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from jupyter_llm.engines.base import Engine
    from jupyter_llm.types import Model

Isolation = Literal["auto", "thread", "process"]
"""Where engines run: inside the server, in child processes, or as suits the deployment."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EngineInfo:
    """An engine as this machine has it.

    `device` is what it computes on; `reason` says why it is not available and
    `install_command` what would change that, both empty where it is installed. `goes_first`
    says that it is the one for this platform.
    """

    name: str
    installed: bool
    version: str = ""
    formats: tuple[str, ...]
    device: str = "cpu"
    reason: str = ""
    install_command: str = ""
    goes_first: bool = False


def choose(model_format: str, engines: Iterable[EngineInfo]) -> EngineInfo:
    """The engine that runs models of this format.

    1. Of those that read the format, one that is installed goes before one that is not.
    2. The one for this platform goes before the others.
    3. Then the order of `engines` decides: those of this package, then those of others.

    Raises:
        EngineUnavailableError: None reads the format.
    """
    able = [engine for engine in engines if model_format in engine.formats]
    if not able:
        raise EngineUnavailableError(
            f"No engine runs {model_format} files here. Take the model as a GGUF file."
        )
    return min(able, key=lambda engine: (not engine.installed, not engine.goes_first))


def runs_on(platforms: Iterable[str], here: str) -> bool:
    """Whether `here`, as `linux-x86_64`, is among platforms, of which `linux` is any machine."""
    return any(here == one or here.partition("-")[0] == one for one in platforms)


def this_platform() -> str:
    """The system and the machine that this process runs on."""
    return f"{sys.platform}-{platform.machine()}"


def engine_for(model_format: str) -> str:
    """The name of the engine that runs files of this format; looks at the disk.

    Raises:
        EngineUnavailableError: No engine does.
    """
    return choose(model_format, backends()).name


def runs_in_process(name: str, isolation: Isolation, *, under_hub: bool) -> bool:
    """Whether the engine gets a child process of its own.

    1. What cannot crash the server needs none: only native code does.
    2. `thread` and `process` are orders.
    3. `auto` gives one to what would change the server's process.
    4. `auto` protects a server that JupyterHub runs for somebody else; a single
       user keeps the shorter way.
    """
    source = _source(name)
    if not source.is_native:
        return False
    if isolation == "auto":
        return under_hub or source.wants_process
    return isolation == "process"


def find_engine(
    name: str, *, isolation: Isolation = "thread", under_hub: bool = False
) -> Callable[[], Engine]:
    """What makes an engine of this name; imports it, so call it in a thread.

    Raises:
        EngineUnavailableError: There is none of this name, or it is not installed.
    """
    source = _source(name)
    info = _describe(source)
    if not info.installed:
        raise EngineUnavailableError(_advice(info))
    if runs_in_process(name, isolation, under_hub=under_hub):
        return partial(_imported("jupyter_llm.engines.host.engine:HostedEngine"), name)
    try:
        return _imported(source.location)
    except (ImportError, AttributeError) as error:
        raise EngineUnavailableError(f"The engine {name} cannot be imported: {error}.") from error


def backends() -> tuple[EngineInfo, ...]:
    """Every engine that is known here, found without importing one; looks at the disk."""
    return (*map(_describe, _sources()), *map(_describe_broken, plugins().broken))


def built_in_models() -> tuple[Model, ...]:
    """The models that engines of other packages have without any file; looks at the disk."""
    return tuple(model for source in plugins().sources for model in source.models)


def why_unavailable(engines: Mapping[str, EngineInfo], name: str, model_format: str) -> str:
    """Why a model is not run here, empty if it is; `engines` are those of `backends` by name."""
    try:
        info = engines[name] if name in engines else choose(model_format, engines.values())
    except EngineUnavailableError as error:
        return error.message
    return "" if info.installed else _advice(info)


def device_of(name: str) -> str:
    """What an engine computes on, and so where its weights come to lie; looks at the disk."""
    return next((info.device for info in backends() if info.name == name), "cpu")


def _sources() -> Sequence[EngineSource]:
    return (*BUILT_IN, *plugins().sources)


def _describe(source: EngineSource) -> EngineInfo:
    here = this_platform()
    spec = find_spec(source.module) if source.module else None
    reason, command = "", ""
    if source.platforms and not runs_on(source.platforms, here):
        reason = f"{source.name} runs on {' and '.join(source.platforms)}, and this is {here}"
    elif source.module and spec is None:
        reason, command = f"{source.distribution} is not installed", source.install_command
    elif variable := _unset_interpreter(source):
        reason = f"{variable} names no Python of another environment"
        command = source.install_command
    if reason:
        return EngineInfo(
            name=source.name,
            installed=False,
            formats=source.formats,
            reason=reason,
            install_command=command,
        )
    folders = tuple(spec.submodule_search_locations or ()) if spec else ()
    return EngineInfo(
        name=source.name,
        installed=True,
        version=_version(source),
        formats=source.formats,
        device=_device(source.device, folders),
        goes_first=runs_on(source.goes_first_on, here),
    )


def _unset_interpreter(source: EngineSource) -> str:
    """The variable that has to name an interpreter and names none."""
    name = source.interpreter_variable
    return "" if not name or os.access(os.environ.get(name, ""), os.X_OK) else name


def _describe_broken(plugin: BrokenPlugin) -> EngineInfo:
    return EngineInfo(
        name=plugin.name,
        installed=False,
        formats=(),
        reason=plugin.reason,
        install_command=plugin.command,
    )


def _advice(info: EngineInfo) -> str:
    return f"{info.reason}: {info.install_command}" if info.install_command else f"{info.reason}."


def _version(source: EngineSource) -> str:
    if not source.distribution:
        return __version__
    names = (source.distribution, *source.other_distributions)
    return next(filter(None, map(_version_of, names)), "")


def _version_of(distribution: str) -> str:
    """Empty for a module that lies on the path without being installed."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return ""


def _device(stated: str, folders: tuple[str, ...]) -> str:
    if stated == GGML:
        return _device_of(folders)
    if stated == VLLM:
        return _device_of_vllm()
    return _device_of_mlx() if stated == MLX else stated


@cache
def _device_of_vllm() -> str:
    """A build for the processor says so in its name or behind its version."""
    stated = _version_of("vllm")
    return "cuda" if stated and "cpu" not in stated else "cpu"


@cache
def _device_of_mlx() -> str:
    """Metal on Apple's machines; elsewhere MLX comes in a package for each device."""
    if sys.platform == "darwin":
        return "metal"
    return "cuda" if any(map(_version_of, ("mlx-cuda-13", "mlx-cuda-12"))) else "cpu"


@cache
def _device_of(folders: tuple[str, ...]) -> str:
    """The device that ggml was built for, from the libraries beside the bindings."""
    built = " ".join(path.name for folder in folders for path in Path(folder, "lib").glob("*ggml*"))
    return next((device for device in ("cuda", "metal", "vulkan") if device in built), "cpu")


def _source(name: str) -> EngineSource:
    for source in _sources():
        if source.name == name:
            return source
    broken = [plugin for plugin in plugins().broken if plugin.name == name]
    if broken:
        raise EngineUnavailableError(f"{broken[0].reason}: {broken[0].command}")
    known = ", ".join(source.name for source in _sources())
    raise EngineUnavailableError(f"There is no engine {name!r}; there are: {known}.")


def _imported(location: str) -> Callable[..., Engine]:
    module, _, attribute = location.partition(":")
    engine: Callable[..., Engine] = getattr(import_module(module), attribute)
    return engine
