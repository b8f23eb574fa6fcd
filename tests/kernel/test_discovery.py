"""Which server a kernel talks to, and which it never sends a token to."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from jupyter_llm.client import find_server
from jupyter_llm.errors import ServerNotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WriteFile = Callable[..., dict[str, str]]


@pytest.fixture
def runtime_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path))
    return tmp_path


@pytest.fixture
def port() -> Iterator[int]:
    """A port that this process listens on, as a server does."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.fixture
def write_file(runtime_dir: Path, port: int) -> WriteFile:
    """Writes the file of a server that is this process; returns its kernels' environment."""

    def write(pid: int = os.getpid(), **fields: Any) -> dict[str, str]:
        info = {
            "url": f"http://localhost:{port}/base/",
            "hostname": "localhost",
            "port": port,
            "sock": "",
            "token": "file-token",
            **fields,
        }
        (runtime_dir / f"jpserver-{pid}.json").write_text(json.dumps(info))
        return {"JPY_PARENT_PID": str(pid)}

    return write


@pytest.fixture
def dead_pid() -> int:
    """The id of a process that has ended."""
    return int(subprocess.check_output([sys.executable, "-c", "import os; print(os.getpid())"]))


def test_what_the_extension_exports_comes_first(write_file: WriteFile) -> None:
    server = find_server(
        {
            **write_file(),
            "JUPYTER_LLM_BASE_URL": "http://127.0.0.1:8888/base/llm/",
            "JUPYTER_LLM_API_KEY": "key",
            "JUPYTERHUB_API_TOKEN": "hub",
            "JUPYTERHUB_SERVICE_URL": "http://127.0.0.1:9999/user/ada/",
        }
    )
    assert (server.url, server.token) == ("http://127.0.0.1:8888/base/llm/", "key")
    assert "key" not in repr(server)


@pytest.mark.usefixtures("runtime_dir")
def test_an_address_whose_server_has_stopped_is_not_used(dead_pid: int) -> None:
    with pytest.raises(ServerNotFoundError, match="has stopped") as raised:
        find_server(
            {
                "JUPYTER_LLM_BASE_URL": "http://127.0.0.1:8888/llm/",
                "JUPYTER_LLM_API_KEY": "old-secret",
                "JUPYTER_LLM_SERVER_PID": str(dead_pid),
            }
        )
    assert "old-secret" not in str(raised.value)


def test_a_new_server_above_takes_the_place_of_a_stopped_one(
    dead_pid: int, write_file: WriteFile
) -> None:
    stale = {
        "JUPYTER_LLM_BASE_URL": "http://127.0.0.1:8888/llm/",
        "JUPYTER_LLM_SERVER_PID": str(dead_pid),
    }
    assert find_server({**write_file(), **stale}).token == "file-token"


def test_a_hub_server_is_described_by_the_hubs_variables() -> None:
    server = find_server(
        {
            "JUPYTERHUB_API_TOKEN": "hub",
            "JUPYTERHUB_SERVICE_URL": "http://0.0.0.0:46001/user/ada/lab/",
            "JUPYTERHUB_SERVICE_PREFIX": "/user/ada/lab/",
        }
    )
    assert (server.url, server.token) == ("http://127.0.0.1:46001/user/ada/lab/llm/", "hub")


def test_the_hubs_token_goes_to_this_users_own_server_alone() -> None:
    hub = {"JUPYTERHUB_API_TOKEN": "hub", "JUPYTERHUB_SERVICE_PREFIX": "/user/ada/"}
    own = find_server({**hub, "JUPYTER_LLM_BASE_URL": "http://127.0.0.1:8888/user/ada/llm/"})
    other = find_server({**hub, "JUPYTER_LLM_BASE_URL": "http://127.0.0.1:8888/user/bob/llm/"})
    assert (own.token, other.token) == ("hub", "")


def test_the_file_of_the_parent_server_is_read(port: int, write_file: WriteFile) -> None:
    server = find_server(write_file())
    assert server.url == f"http://localhost:{port}/base/llm/"
    assert server.token == "file-token"
    assert str(os.getpid()) in server.found_by


def test_a_server_on_every_address_is_reached_through_loopback(
    port: int, write_file: WriteFile
) -> None:
    environ = write_file(url=f"https://machine.example:{port}/base/", hostname="0.0.0.0")
    assert find_server(environ).url == f"https://127.0.0.1:{port}/base/llm/"


def test_a_server_on_a_unix_socket_is_reached_through_it(
    write_file: WriteFile,
) -> None:
    environ = write_file(url="http+unix://%2Frun%2Fjupyter.sock/base/", sock="/run/jupyter.sock")
    server = find_server(environ)
    assert (server.url, server.socket_path) == ("http://localhost/base/llm/", "/run/jupyter.sock")


def test_a_process_between_server_and_kernel_does_not_hide_the_server(
    write_file: WriteFile,
) -> None:
    write_file()
    code = "from jupyter_llm.client import find_server; print(find_server({}).token)"
    kernel = [sys.executable, "-c", code]
    wrapper = [sys.executable, "-c", f"import subprocess; subprocess.check_call({kernel!r})"]
    assert subprocess.check_output(wrapper, text=True).strip() == "file-token"


def refusal(environ: dict[str, str]) -> str:
    with pytest.raises(ServerNotFoundError) as raised:
        find_server(environ)
    assert "JUPYTER_LLM_BASE_URL" in str(raised.value)
    assert "file-token" not in str(raised.value)
    return str(raised.value)


def test_the_server_of_an_unrelated_process_is_never_looked_at(
    write_file: WriteFile,
) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as stranger:
        write_file(pid=stranger.pid)
        said = refusal({})
        stranger.communicate(b"\n")
    assert "no process above this one is a Jupyter server" in said


def test_a_file_that_another_server_left_behind_is_refused(
    write_file: WriteFile,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as once:
        freed_port = once.getsockname()[1]
    assert "does not listen" in refusal(write_file(port=freed_port))


def test_a_broken_file_is_refused_and_no_farther_server_asked(
    runtime_dir: Path, write_file: WriteFile
) -> None:
    write_file(pid=os.getppid())
    (runtime_dir / f"jpserver-{os.getpid()}.json").write_text('{"url": ')
    assert "cannot be read" in refusal({"JPY_PARENT_PID": str(os.getpid())})


def test_a_file_of_another_user_is_refused(
    write_file: WriteFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    environ = write_file()
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    assert "another user" in refusal(environ)
