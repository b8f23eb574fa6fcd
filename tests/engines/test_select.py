from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

from jupyter_llm.engines import select
from jupyter_llm.engines.echo.engine import EchoEngine
from jupyter_llm.engines.host.engine import HostedEngine
from jupyter_llm.errors import EngineUnavailableError

if TYPE_CHECKING:
    from pathlib import Path

    from jupyter_llm.engines.select import Isolation


@pytest.fixture
def without_llama_cpp(monkeypatch: pytest.MonkeyPatch) -> None:
    def find(name: str) -> object:
        return None if name == "llama_cpp" else find_spec(name)

    monkeypatch.setattr(select, "find_spec", find)


def test_each_format_has_its_engine() -> None:
    assert select.engine_for("gguf") == "llama_cpp"
    assert select.engine_for("echo") == "echo"
    with pytest.raises(EngineUnavailableError, match="No engine runs onnx files"):
        select.engine_for("onnx")


@pytest.mark.parametrize(
    ("isolation", "under_hub", "in_process"),
    [
        ("auto", False, False),
        ("auto", True, True),
        ("thread", True, False),
        ("process", False, True),
    ],
)
def test_native_engines_run_where_the_deployment_wants_them(
    isolation: Isolation, under_hub: bool, in_process: bool
) -> None:
    assert select.runs_in_process("llama_cpp", isolation, under_hub=under_hub) is in_process
    assert select.runs_in_process("echo", isolation, under_hub=under_hub) is False


def test_what_changes_its_process_has_one_of_its_own_unless_told_otherwise() -> None:
    assert select.runs_in_process("vllm", "auto", under_hub=False)
    assert not select.runs_in_process("vllm", "thread", under_hub=False)


def test_makes_the_engine_or_its_host() -> None:
    assert isinstance(select.find_engine("echo", isolation="process")(), EchoEngine)
    hosted = select.find_engine("llama_cpp", isolation="process")()
    assert isinstance(hosted, HostedEngine)
    assert hosted.name == "llama_cpp"
    assert select.find_engine("llama_cpp")().name == "llama_cpp"


def test_every_call_makes_a_new_engine() -> None:
    make = select.find_engine("echo")
    assert make() is not make()


def test_an_unknown_engine_is_answered_with_the_known_ones() -> None:
    with pytest.raises(EngineUnavailableError, match="no engine 'vlm'; there are: echo, llama"):
        select.find_engine("vlm")


def test_lists_what_is_installed() -> None:
    echo, llama_cpp, remote, mlx, vllm, vllm_server = select.backends()
    assert (remote.name, remote.installed, remote.formats) == ("remote", True, ("openai",))
    assert (echo.name, echo.installed, echo.formats) == ("echo", True, ("echo",))
    assert (llama_cpp.name, llama_cpp.installed, llama_cpp.formats) == (
        "llama_cpp",
        True,
        ("gguf",),
    )
    assert llama_cpp.version
    assert llama_cpp.device in ("cpu", "cuda", "metal", "vulkan")
    assert llama_cpp.reason == llama_cpp.install_command == ""
    assert (mlx.name, mlx.formats) == ("mlx", ("safetensors",))
    assert (vllm.name, vllm.formats) == ("vllm", ("safetensors",))
    assert (vllm_server.name, vllm_server.formats) == ("vllm_server", ("safetensors",))


def test_an_engine_of_another_environment_is_there_once_its_python_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def here() -> tuple[bool, str]:
        info = next(one for one in select.backends() if one.name == "vllm_server")
        return info.installed, info.reason

    monkeypatch.delenv("JUPYTER_LLM_VLLM_PYTHON", raising=False)
    assert here() == (False, "JUPYTER_LLM_VLLM_PYTHON names no Python of another environment")
    monkeypatch.setenv("JUPYTER_LLM_VLLM_PYTHON", str(tmp_path / "python"))
    assert not here()[0]
    monkeypatch.setenv("JUPYTER_LLM_VLLM_PYTHON", sys.executable)
    assert here() == (True, "")


@pytest.mark.usefixtures("without_llama_cpp")
def test_says_how_to_get_what_is_not_installed() -> None:
    llama_cpp = next(one for one in select.backends() if one.name == "llama_cpp")
    assert not llama_cpp.installed
    assert llama_cpp.reason == "llama-cpp-python is not installed"
    assert llama_cpp.install_command == "pip install 'jupyter-llm[llama-cpp]'"
    with pytest.raises(EngineUnavailableError, match=r"not installed: pip install 'jupyter-llm\["):
        select.find_engine("llama_cpp")


def test_knows_the_device_by_the_libraries_beside_the_bindings(tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "libggml-cuda.so").touch()
    assert select._device_of((str(tmp_path),)) == "cuda"


def test_looking_for_engines_imports_none() -> None:
    script = (
        "import sys; from jupyter_llm.engines.select import backends; backends();"
        "engines = {'llama_cpp', 'mlx_lm', 'numpy', 'jupyter_llm.engines.echo'};"
        "print(sorted(engines & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert done.stdout.strip() == b"[]"


def engine(name: str, *, installed: bool = True, goes_first: bool = False) -> select.EngineInfo:
    return select.EngineInfo(
        name=name,
        installed=installed,
        formats=("safetensors",),
        goes_first=goes_first,
        reason="" if installed else f"{name} is not installed",
        install_command="" if installed else f"pip install {name}",
    )


def test_what_is_installed_goes_before_what_is_not() -> None:
    engines = [engine("mlx", installed=False, goes_first=True), engine("vllm")]
    assert select.choose("safetensors", engines).name == "vllm"


def test_the_engine_for_this_platform_goes_before_the_others() -> None:
    engines = [engine("vllm"), engine("mlx", goes_first=True)]
    assert select.choose("safetensors", engines).name == "mlx"
    assert select.choose("safetensors", [engine("vllm"), engine("mlx")]).name == "vllm"


def test_where_none_is_installed_the_reason_has_the_command() -> None:
    engines = {"mlx": engine("mlx", installed=False), "vllm": engine("vllm", installed=False)}
    assert select.why_unavailable(engines, "", "safetensors") == (
        "mlx is not installed: pip install mlx"
    )
    assert select.why_unavailable(engines, "vllm", "safetensors").endswith("pip install vllm")
    assert select.why_unavailable(engines, "", "onnx").startswith("No engine runs onnx files")


def test_a_platform_is_a_system_and_may_be_a_machine() -> None:
    assert select.runs_on(("darwin-arm64", "linux"), "linux-x86_64")
    assert select.runs_on(("darwin-arm64",), "darwin-arm64")
    assert not select.runs_on(("darwin-arm64",), "darwin-x86_64")
    assert not select.runs_on((), "linux-x86_64")
