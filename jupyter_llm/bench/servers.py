"""Start the servers that are compared, one at a time, on the same model."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from urllib.error import URLError

from jupyter_llm.hardware.cores import num_usable_cores
from jupyter_llm.types import LoadOptions

from .load import Endpoint

STREAMS = 32
SLOTS = 36
"""Of which one user gets 32: the others are kept for others."""
CONTEXT_LENGTH = 2048
NUM_KV_CELLS = STREAMS * 512
OPTIONS = LoadOptions(slots=SLOTS, context_length=CONTEXT_LENGTH, num_kv_cells=NUM_KV_CELLS)
TOKEN = "bench"  # noqa: S105 - a server on loopback, for minutes
START_TIMEOUT_S = 180.0
STOP_TIMEOUT_S = 20.0


def missing(name: str) -> str:
    """Why a contender cannot run here, or nothing if it can."""
    if name == "llama_cpp.server" and find_spec("uvicorn") is None:
        return "install llama-cpp-python[server] to compare with it"
    if name == "mlx_lm.server" and find_spec("mlx_lm") is None:
        return "pip install 'jupyter-llm[mlx]' to compare with it"
    if name == "llama-server" and shutil.which("llama-server") is None:
        return "put llama-server on the PATH to compare with it"
    return ""


def python_with_vllm() -> str:
    """The interpreter of an environment that has vLLM; empty where there is none."""
    if find_spec("vllm") is not None:
        return sys.executable
    python = Path(".venv-vllm/bin/python").absolute()
    return str(python) if python.exists() else ""


@contextmanager
def jupyter_llm(
    model: Path, environment: Mapping[str, str] | None = None, *, python: str = sys.executable
) -> Iterator[Endpoint]:
    """This project's server with the model loaded."""
    with without_model(model.parent, environment, python=python) as (url, pid):
        _load(url, model)
        yield Endpoint(
            url=f"{url}/llm/v1/completions",
            model=model.stem,
            pid=pid,
            token=TOKEN,
            status_url=f"{url}/api/status",
        )


@contextmanager
def without_model(
    models_dir: Path,
    environment: Mapping[str, str] | None = None,
    *,
    python: str = sys.executable,
) -> Iterator[tuple[str, int]]:
    """This project's server, nothing loaded; yields its address and its process id."""
    url = f"http://127.0.0.1:{free_port()}"
    argv = [python, "-m", "jupyter_llm.cli", "serve"]
    options = [f"--LLMExtension.models_dir={models_dir}", "--LLMExtension.hf_cache_dir="]
    with _jupyter([*argv, *options], url, environment or {}) as pid:
        yield url, pid


@contextmanager
def plain_jupyter() -> Iterator[int]:
    """A notebook server without the extension; yields its process id."""
    url = f"http://127.0.0.1:{free_port()}"
    disabled = "--ServerApp.jpserver_extensions={'jupyter_llm': False}"
    with _jupyter([sys.executable, "-m", "jupyter_server", disabled], url, {}) as pid:
        yield pid


@contextmanager
def _jupyter(argv: Sequence[str], url: str, environment: Mapping[str, str]) -> Iterator[int]:
    with tempfile.TemporaryDirectory() as home:
        options = [
            *("--no-browser", "--allow-root", f"--port={url.rsplit(':', 1)[1]}"),
            *(f"--IdentityProvider.token={TOKEN}", f"--ServerApp.root_dir={home}"),
        ]
        own = {"HOME": home, "JUPYTER_CONFIG_DIR": home, "JUPYTER_DATA_DIR": home}
        with process([*argv, *options], f"{url}/api/status", {**own, **environment}) as pid:
            yield pid


@contextmanager
def llama_cpp_server(model: Path) -> Iterator[Endpoint]:
    """The server that llama-cpp-python brings; told not to cut off running streams."""
    port = free_port()
    argv = [
        *(sys.executable, "-m", "llama_cpp.server", "--model", str(model), "--port", str(port)),
        *("--n_ctx", str(CONTEXT_LENGTH), "--interrupt_requests", "false"),
    ]
    url = f"http://127.0.0.1:{port}"
    with process(argv, f"{url}/v1/models", {}) as pid:
        yield Endpoint(url=f"{url}/v1/completions", model=str(model), pid=pid)


@contextmanager
def mlx_lm_server(model: Path) -> Iterator[Endpoint]:
    """The server that mlx-lm brings."""
    port = free_port()
    argv = [
        *(sys.executable, "-m", "mlx_lm", "server", "--model", str(model), "--port", str(port)),
        *("--decode-concurrency", str(STREAMS), "--prompt-concurrency", str(STREAMS)),
    ]
    url = f"http://127.0.0.1:{port}"
    with process(argv, f"{url}/health", {"HF_HUB_OFFLINE": "1"}) as pid:
        yield Endpoint(url=f"{url}/v1/completions", model=str(model), pid=pid)


@contextmanager
def vllm_server(model: Path, *, python: str) -> Iterator[Endpoint]:
    """The server that vLLM brings, with the settings that the engine gives it."""
    port, num_threads = free_port(), max(num_usable_cores() - 1, 1)
    argv = [
        *(python, "-m", "vllm.entrypoints.launchers.api_server.entry", "--model", str(model)),
        *("--port", str(port), "--dtype", "float32", "--max-model-len", str(CONTEXT_LENGTH)),
        *("--max-num-seqs", str(SLOTS), "--max-num-batched-tokens", "512", "--enforce-eager"),
        *("--kv-cache-memory-bytes", str(1 << 28), "--distributed-executor-backend", "uni"),
        *("--disable-log-stats", "--uvicorn-log-level", "error", "--generation-config", "vllm"),
    ]
    environment = {
        "HF_HUB_OFFLINE": "1",
        "VLLM_NO_USAGE_STATS": "1",
        "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
        "TORCHDYNAMO_DISABLE": "1",
        "OMP_NUM_THREADS": str(num_threads),
    }
    url = f"http://127.0.0.1:{port}"
    with process(argv, f"{url}/health", environment) as pid:
        yield Endpoint(url=f"{url}/v1/completions", model=str(model), pid=pid)


@contextmanager
def llama_server(model: Path) -> Iterator[Endpoint]:
    """llama.cpp's own server with as many slots."""
    port = free_port()
    argv = [
        *("llama-server", "--model", str(model), "--port", str(port), "--parallel", str(STREAMS)),
        *("--ctx-size", str(NUM_KV_CELLS)),
    ]
    url = f"http://127.0.0.1:{port}"
    with process(argv, f"{url}/health", {}) as pid:
        yield Endpoint(url=f"{url}/v1/completions", model=model.stem, pid=pid)


def _load(url: str, model: Path) -> None:
    options = {name: value for name, value in asdict(OPTIONS).items() if value is not None}
    body = {"model": model.stem, **options}
    request = urllib.request.Request(  # noqa: S310 - loopback
        f"{url}/llm/load",
        data=json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=START_TIMEOUT_S):  # noqa: S310 - loopback
        return


@contextmanager
def process(argv: Sequence[str], ready_url: str, environment: Mapping[str, str]) -> Iterator[int]:
    """A process that is ended with the block, once it answers at `ready_url`; yields its id."""
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            argv, stdout=log, stderr=subprocess.STDOUT, env={**os.environ, **environment}
        )
        try:
            _wait_until_ready(process, ready_url)
            yield process.pid
        except BaseException:
            log.seek(0)
            sys.stderr.write(log.read().decode(errors="replace")[-2000:])
            raise
        finally:
            process.terminate()
            try:
                process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_until_ready(process: subprocess.Popen[bytes], url: str) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {TOKEN}"})  # noqa: S310
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(request, timeout=2):  # noqa: S310 - loopback
                return
        except (URLError, OSError):
            time.sleep(0.1)
    raise RuntimeError(f"{url} did not answer within {START_TIMEOUT_S:.0f} s")


def free_port() -> int:
    """A port of loopback that nobody has now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
