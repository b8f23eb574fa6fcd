"""`jupyter llm doctor`, with a server, without one, and with what it finds amiss."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from live import LiveServer

from jupyter_llm.doctor.checkup import Checkup, Trial, gpu_advice
from jupyter_llm.engines.select import EngineInfo
from jupyter_llm.types import Device

DOCTOR = (sys.executable, "-m", "jupyter_llm.cli", "doctor")
SPOILT = """
import sys
sys.modules["llama_cpp"] = None
import importlib.util as util
really = util.find_spec
util.find_spec = lambda name: None if name == "llama_cpp" else really(name)
"""
LLAMA_CPP = EngineInfo(name="llama_cpp", installed=True, version="0.3.36", formats=("gguf",))
MLX = EngineInfo(
    name="mlx",
    installed=False,
    formats=("safetensors",),
    reason="mlx is not installed",
    install_command="pip install mlx",
)
GPU = Device(
    id="GPU-1", kind="cuda", name="NVIDIA H200", total_bytes=2 * 10**9, used_bytes=0, own_bytes=0
)


def run(*options: str, **env: str) -> subprocess.CompletedProcess[str]:
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("JUPYTER", "JPY_"))}
    return subprocess.run(
        [*DOCTOR, *options],
        env={**inherited, **env},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )


def test_without_a_server_each_engine_is_tried_here() -> None:
    done = run()
    assert done.returncode == 0, done.stderr
    assert "No server (" in done.stdout
    assert f"Python {sys.version.split()[0]}" in done.stdout
    assert "guide in llama_cpp: 10 tokens, the first after" in done.stdout
    assert "System memory" in done.stdout


def test_an_engine_that_is_missing_is_told_with_its_command(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(SPOILT)
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    done = run(PYTHONPATH=path)
    assert "not llama_cpp: llama-cpp-python is not installed: pip install" in done.stdout
    assert "echo in echo" in done.stdout
    assert "guide in" not in done.stdout


def test_a_server_is_asked_for_its_own_view(live_server: LiveServer) -> None:
    options = ("--url", live_server.url)
    done = run(*options, JUPYTER_LLM_API_KEY=live_server.token)
    assert done.returncode == 0, done.stderr
    assert f"The server at {live_server.url}/ (found by --url)." in done.stdout
    assert " 10 tokens, the first after" in done.stdout

    refused = run(*options, JUPYTER_LLM_API_KEY="wrong")
    assert refused.returncode == 1
    assert "refuses the token" in refused.stderr


def test_what_is_amiss_is_said_with_what_mends_it() -> None:
    sick = Checkup(
        place="Nowhere.",
        versions=("a 1",),
        engines=(LLAMA_CPP, MLX),
        devices=(GPU,),
        hints=("Something is odd.",),
        trials=(Trial(model="guide", engine="llama_cpp", error="It broke."),),
    )
    text = sick.text()
    assert not sick.is_well
    assert "guide in llama_cpp: FAILED: It broke." in text
    assert "not mlx: mlx is not installed: pip install mlx" in text
    assert "- Something is odd." in text
    assert "CMAKE_ARGS=-DGGML_CUDA=on pip install" in text
    assert not replace(sick, trials=()).is_well


@pytest.mark.parametrize(
    ("engines", "devices"),
    [
        ((replace(LLAMA_CPP, device="cuda"),), (GPU,)),
        ((LLAMA_CPP,), ()),
        ((replace(LLAMA_CPP, installed=False),), (GPU,)),
    ],
)
def test_nobody_is_told_to_build_for_a_gpu_without_need(
    engines: tuple[EngineInfo, ...], devices: tuple[Device, ...]
) -> None:
    assert gpu_advice(engines, devices) == []
