"""The client against a real server, and against what is not one."""

from __future__ import annotations

import json
import socket
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingMixIn, UnixStreamServer
from threading import Thread
from typing import TYPE_CHECKING

import pytest
from live import LiveServer
from live_kernel import LiveKernel, eventually

from jupyter_llm.client import Client
from jupyter_llm.client.server import server_at
from jupyter_llm.errors import (
    ContextLengthError,
    InvalidRequestError,
    LLMError,
    ModelNotFoundError,
    ServerNotFoundError,
)
from jupyter_llm.types import Message, ModelState

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HELLO = [Message(role="user", content="Hello you\u2028there")]


def client_of(url: str, token: str = "") -> Client:
    return Client(server_at(url, token=token, found_by="test"))


def test_a_chat_arrives_piece_by_piece(client: Client) -> None:
    *deltas, last = client.chat(HELLO, model="echo", temperature=0, seed=None)
    assert "".join(delta.text for delta in deltas) == "Hello you\u2028there"
    assert len(deltas) > 1
    assert {delta.model for delta in deltas} == {"echo"}
    assert last.finish_reason == "stop"
    assert last.usage is not None
    assert last.usage.completion_tokens == 3
    assert last.timings is not None


def test_messages_may_be_plain_dicts(client: Client) -> None:
    deltas = client.chat([{"role": "user", "content": "Hello"}], model="echo")
    assert "".join(delta.text for delta in deltas) == "Hello"


def test_closing_the_stream_stops_the_model(client: Client) -> None:
    def is_running() -> bool:
        return any(status.stats.num_running for status in client.loaded())

    long = Message(role="user", content="word " * 300_000)
    deltas = client.chat([long], model="echo")
    assert next(deltas).text
    assert is_running()
    deltas.close()
    assert eventually(lambda: not is_running())


def test_models_are_loaded_and_unloaded(client: Client) -> None:
    ready = client.load("echo")
    assert ready.state is ModelState.READY
    assert ready in client.loaded()
    assert client.health()["status"] == "ready"
    assert client.unload("echo").state is ModelState.UNLOADED
    assert client.loaded() == ()
    assert "echo" in {status.model.id for status in client.models()}


def test_an_error_of_the_server_is_raised_as_what_it_is(client: Client) -> None:
    with pytest.raises(ModelNotFoundError, match="ehco"):
        client.load("ehco")
    with pytest.raises(InvalidRequestError) as invalid:
        list(client.chat(HELLO, model="echo", temperature=-1))
    assert invalid.value.param == "temperature"
    too_long = [Message(role="user", content="a " * 1_000_000)]
    with pytest.raises(ContextLengthError, match="1000000"):
        list(client.chat(too_long, model="echo"))


def test_a_wrong_token_is_refused_with_advice(live_server: LiveServer) -> None:
    with (
        client_of(live_server.url, "wrong-secret") as client,
        pytest.raises(ServerNotFoundError, match="restart this kernel") as refused,
    ):
        list(client.chat(HELLO))
    assert "wrong-secret" not in str(refused.value)


def test_a_port_where_nothing_listens_is_said_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as once:
        port = once.getsockname()[1]
    with (
        client_of(f"http://127.0.0.1:{port}/llm/") as client,
        pytest.raises(ServerNotFoundError, match="restart this kernel"),
    ):
        client.models()


def test_a_jupyter_server_without_the_extension_is_said_so() -> None:
    with (
        LiveServer(extension=False) as server,
        client_of(server.url, server.token) as client,
        pytest.raises(ServerNotFoundError, match="pip install jupyter-llm"),
    ):
        client.models()


def test_a_kernel_notices_that_the_server_of_its_variables_has_stopped(kernel: LiveKernel) -> None:
    cell = kernel.ok(
        """
import os, subprocess, sys
from jupyter_llm.client import find_server
print(find_server().found_by)
ended = subprocess.check_output([sys.executable, "-c", "import os; print(os.getpid())"], text=True)
print(find_server({**os.environ, "JUPYTER_LLM_SERVER_PID": ended.strip()}).found_by)
"""
    )
    exported, from_file = cell.printed.splitlines()
    assert exported == "JUPYTER_LLM_BASE_URL"
    assert "jpserver-" in from_file


def test_a_kernel_without_exported_variables_finds_its_parent(kernel: LiveKernel) -> None:
    cell = kernel.ok(
        """
import os
from jupyter_llm.client import Client, find_server
hidden = {k: v for k, v in os.environ.items() if not k.startswith("JUPYTER_LLM")}
server = find_server(hidden)
answer = Client(server).chat([{"role": "user", "content": "Hello"}], model="echo")
print(server.found_by.endswith(f"jpserver-{os.environ['JPY_PARENT_PID']}.json"))
print("".join(delta.text for delta in answer))
"""
    )
    assert cell.printed == "True\nHello\n"


def test_a_kernel_of_a_server_without_authentication_is_let_in() -> None:
    with (
        LiveServer("--IdentityProvider.token=", token=None) as server,
        LiveKernel(server) as kernel,
    ):
        kernel.ok("%load_ext jupyter_llm")
        assert kernel.ok("%%llm -m echo\nHello").markdown.startswith("Hello")


class UnixServer(ThreadingMixIn, UnixStreamServer):
    daemon_threads = True


class Healthy(BaseHTTPRequestHandler):
    """Tells which path and token it was asked with."""

    def do_GET(self) -> None:
        body = json.dumps([self.path, self.headers["Authorization"]]).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.send_error(502)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def unix_socket(tmp_path: Path) -> Iterator[str]:
    path = str(tmp_path / "jupyter.sock")
    with UnixServer(path, Healthy) as server:
        Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield path
        server.shutdown()


def test_a_server_on_a_unix_socket_is_reached(unix_socket: str) -> None:
    address = f"http+unix://{unix_socket.replace('/', '%2F')}/base/llm"
    with client_of(address, "secret") as client:
        assert client.health() == ["/base/llm/health", "Bearer secret"]


def test_an_error_without_an_explanation_is_told_with_its_status(unix_socket: str) -> None:
    address = f"http+unix://{unix_socket.replace('/', '%2F')}/base/llm"
    with client_of(address) as client, pytest.raises(LLMError, match="502 Bad Gateway"):
        client.load("guide")


def test_a_server_that_goes_away_in_the_middle_is_an_error() -> None:
    long = Message(role="user", content="word " * 300_000)
    with (
        LiveServer("--LLMExtension.context_length=1000000") as server,
        client_of(server.url, server.token) as client,
    ):
        deltas = client.chat([long], model="echo")
        next(deltas)
        server.stop()
        with pytest.raises(LLMError, match=r"broke|stopped|unloaded"):
            list(deltas)
