from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from http.client import IncompleteRead
from typing import TYPE_CHECKING

import psutil
import pytest
from engines import tiny_gguf
from live import LiveServer

from jupyter_llm import app, environment

if TYPE_CHECKING:
    from http.client import HTTPResponse
    from pathlib import Path

    from conftest import Call
    from jupyter_server.serverapp import ServerApp
    from scripted import Script

    from jupyter_llm.app import LLMExtension

HEAVY = {
    "IPython", "alembic", "httpx", "huggingface_hub", "llama_cpp", "mlx", "numpy", "openai",
    "psycopg", "pydantic", "sqlalchemy", "torch", "vllm",
}  # fmt: skip

# starts a server, waits until its extensions have started, and prints what is imported
START = """
import asyncio, json, sys
from jupyter_server.serverapp import ServerApp

server = ServerApp.instance(
    jpserver_extensions={"jupyter_llm": True} if sys.argv[1] == "with" else {},
    allow_root=True, open_browser=False, port=0,
)
server.initialize(argv=[], find_extensions=False)

async def stop_when_started():
    await asyncio.sleep(0.5)
    print(json.dumps(sorted(sys.modules)))
    server.stop()

server.io_loop.add_callback(stop_when_started)
server.start()
"""


def modules_after_start(how: str, home: Path) -> set[str]:
    folders = ("CONFIG", "DATA", "RUNTIME")
    env = {**os.environ, **{f"JUPYTER_{name}_DIR": str(home / name) for name in folders}}
    done = subprocess.run(
        [sys.executable, "-c", START, how], env=env, capture_output=True, check=True, timeout=60
    )
    return set(json.loads(done.stdout))


def test_starting_the_server_imports_nothing_heavy(tmp_path: Path) -> None:
    modules = modules_after_start("with", tmp_path)

    assert "jupyter_llm.app" in modules
    assert not HEAVY & (modules - modules_after_start("without", tmp_path))


class TestTheEnvironmentOfKernels:
    def test_has_the_servers_url_and_its_key(
        self, llm_server: ServerApp, extension: LLMExtension
    ) -> None:
        url = f"http://127.0.0.1:{llm_server.port}/a%40b/llm"
        assert os.environ[environment.BASE_URL].replace("localhost", "127.0.0.1") == url
        assert os.environ[environment.API_KEY] == extension.kernel_key

    async def test_is_gone_when_the_server_has_stopped(self, extension: LLMExtension) -> None:
        await extension.stop_extension()

        assert environment.BASE_URL not in os.environ
        assert environment.API_KEY not in os.environ

    def test_lets_a_kernel_call_a_live_server(self) -> None:
        with LiveServer("--ServerApp.ip=0.0.0.0") as server:
            started = server.json("/api/kernels", {"name": "python3"})
            found = _kernel_process(server.pid, started["id"]).environ()
            key = {"Authorization": f"Bearer {found[environment.API_KEY]}"}

            assert found[environment.BASE_URL] == server.url
            assert server.json("health", headers=key)["status"]


@pytest.mark.parametrize(
    ("bound", "host"),
    [
        ("localhost", "localhost"),
        ("", "localhost"),
        ("0.0.0.0", "127.0.0.1"),
        ("::", "[::1]"),
        ("10.0.0.7", "10.0.0.7"),
    ],
)
def test_kernels_are_told_an_address_that_they_can_reach(
    llm_server: ServerApp, bound: str, host: str
) -> None:
    llm_server.ip = bound

    assert environment.server_url(llm_server) == f"http://{host}:{llm_server.port}/a%40b/llm"


def test_kernels_are_told_of_tls(llm_server: ServerApp, tmp_path: Path) -> None:
    llm_server.certfile = str(tmp_path / "cert.pem")

    assert environment.server_url(llm_server).startswith("https://")


def test_kernels_are_told_of_a_unix_socket(llm_server: ServerApp) -> None:
    llm_server.sock = "/run/user/1/jupyter.sock"

    assert environment.server_url(llm_server) == (
        "http+unix://%2Frun%2Fuser%2F1%2Fjupyter.sock/a%40b/llm"
    )


class TestUnderJupyterHub:
    @pytest.fixture(autouse=True)
    def hub(self, monkeypatch: pytest.MonkeyPatch, jp_base_url: str) -> None:
        monkeypatch.setenv("JUPYTERHUB_SERVICE_PREFIX", jp_base_url)

    def test_there_are_no_keys_of_our_own(self, extension: LLMExtension) -> None:
        assert extension.kernel_key is None
        assert environment.API_KEY not in os.environ
        assert environment.BASE_URL in os.environ

    async def test_a_stored_key_opens_nothing(self, call: Call, jp_data_dir: Path) -> None:
        from jupyter_llm.registry.keys import KeyStore

        store = KeyStore(jp_data_dir / "jupyter_llm" / "api_keys.json")
        _, secret = store.create("laptop")

        answer = await call("v1/models", auth={"Authorization": f"Bearer {secret}"})
        assert answer.status == 401


def test_a_server_started_in_a_terminal_of_the_hubs_has_keys(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.setenv("JUPYTERHUB_SERVICE_PREFIX", "/user/ada/")

    assert request.getfixturevalue("extension").kernel_key


class TestStopping:
    async def test_is_bounded_where_an_engine_hangs(
        self, script: Script, call: Call, extension: LLMExtension, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(app, "STOP_TIMEOUT_S", 0.2)
        await call("load", {"model": "echo"})
        script.unloading.clear()

        async with asyncio.timeout(5):
            await extension.stop_extension()
        script.unloading.set()

    async def test_raises_nothing_where_unloading_fails(
        self, extension: LLMExtension, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def fail() -> None:
            raise RuntimeError("boom")

        monkeypatch.setattr(extension.manager, "stop", fail)
        await extension.stop_extension()

    @pytest.mark.parametrize("isolation", ["thread", "process"])
    @pytest.mark.parametrize("sig", [signal.SIGINT, signal.SIGTERM])
    def test_a_server_in_the_middle_of_a_stream_ends_within_seconds_and_leaves_nothing(
        self, long_model: Path, sig: signal.Signals, isolation: str
    ) -> None:
        options = (f"--LLMExtension.models_dir={long_model.parent}", "--LLMExtension.isolation=")
        with LiveServer(options[0], options[1] + isolation) as server:
            endless = {"model": "long", "prompt": "the", "stream": True, "ignore_eos": True}
            with server.open("v1/completions", endless) as response:
                response.readline()
                processes = [psutil.Process(server.pid)]
                processes += processes[0].children(recursive=True)
                assert (len(processes) > 1) == (isolation == "process")
                os.kill(server.pid, sig)

                _, alive = psutil.wait_procs(processes, timeout=10)
                assert not alive
                assert b"[DONE]" not in _rest(response)


@pytest.fixture
def long_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tiny model whose context takes longer to fill than a test lasts."""
    monkeypatch.setattr(tiny_gguf, "CONTEXT_LENGTH", 100_000)
    return tiny_gguf.write_tiny_gguf(tmp_path / "long.gguf")


def _kernel_process(server_pid: int, kernel_id: str) -> psutil.Process:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        for child in psutil.Process(server_pid).children():
            if any(kernel_id in argument for argument in child.cmdline()):
                return child
        time.sleep(0.05)
    raise AssertionError("no kernel was started")


def _rest(response: HTTPResponse) -> bytes:
    """What was still sent, whether or not it was brought to an end."""
    try:
        return response.read()
    except IncompleteRead as error:
        return error.partial
