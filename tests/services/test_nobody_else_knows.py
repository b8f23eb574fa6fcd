"""A walk over every route as another user: none tells of a service that is somebody else's."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import yaml
from live import LiveServer
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from jupyter_llm.handlers.openapi.endpoints import ENDPOINTS

pytestmark = pytest.mark.skipif("sys.platform == 'win32'", reason="needs a POSIX shell")

CANCELLED = {"status": "cancelled"}
CHAT = [{"role": "user", "content": "hello"}]
NAME, NOBODYS = "sesame", "barley"

# what speaks enough of OpenAI's protocol to be a model, and lets in whoever asks
SERVER = """
import json, os, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.answer({"data": [{"id": os.environ["MODEL"], "object": "model"}]})

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        message = {"role": "assistant", "content": "hi"}
        self.answer({
            "id": "1", "object": "chat.completion", "created": 1, "model": "m",
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 2, "completion_tokens": 3, "total_tokens": 5},
        })

    def answer(self, body):
        data = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

ThreadingHTTPServer((sys.argv[1], int(sys.argv[2])), Handler).serve_forever()
"""

RECIPE = {
    "kind": "inference",
    "environment": {"MODEL": "m"},
    "port": 18300,
    "health": "/v1/models",
    "command": ["${PYTHON}", "-c", SERVER, "${HOST}", "${PORT}"],
}

# of every route that takes a body, one that names a model or a service
BODIES: dict[str, Any] = {
    "/v1/chat/completions": {"messages": CHAT},
    "/v1/completions": {"prompt": "x"},
    "/v1/messages": {"messages": CHAT, "max_tokens": 2},
    "/v1/messages/count_tokens": {"messages": CHAT},
    "/v1/embeddings": {"input": "x"},
    "/v1/rerank": {"query": "x", "documents": ["y"]},
    "/v1/tokenize": {"prompt": "x"},
    "/v1/detokenize": {"tokens": [1]},
    "/v1/extract": {"text": "x"},
    "/v1/responses": {"input": "x"},
    "/api/generate": {"prompt": "x"},
    "/api/generate/stream": {"prompt": "x"},
    "/api/chat": {"messages": CHAT},
    "/api/chat/stream": {"messages": CHAT},
    "/load": {},
    "/unload": {},
    "/switch": {},
    "/reload": {},
}
# what begins something else, asks the Hub, or is listened to all the time
NOT_WALKED = {
    *("POST /api/admin/models/download", "POST /api/admin/keys", "GET /ws"),
    *("GET /api/admin/hub", "GET /api/v1/vllm/search-models"),
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    recipes: Path = tmp_path_factory.mktemp("recipes")
    (recipes / "test").mkdir()
    (recipes / "test" / "open.yaml").write_text(yaml.safe_dump(RECIPE))
    options = (
        "--LLMExtension.services_launcher=local",
        "--LLMExtension.services_poll_s=0.2",
        f"--LLMExtension.recipe_dirs={recipes}",
        "--LLMExtension.service_admins=llm-key:prometheus",
    )
    # nobody listens there: what asks the Hub is refused at once
    with LiveServer(*options, env={"HF_ENDPOINT": "http://127.0.0.1:9"}) as server:
        yield server
        for service in server.json("api/v1/services")["services"]:
            server.json(f"api/v1/services/{service['id']}/status", CANCELLED)
            ended(server, service["id"])


def key(server: LiveServer, name: str) -> dict[str, str]:
    made = server.json("api/admin/keys", {"name": name})
    return {"Authorization": f"Bearer {made['key']}"}


def ended(server: LiveServer, service_id: str) -> None:
    until(lambda: server.json(f"api/v1/services/{service_id}")["ended_at"] is not None)


def until(holds: Any) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def body_of(verb: str, path: str, name: str) -> Any:
    """What is sent to a route to ask for something of this name."""
    if verb == "GET":
        return None
    if path in BODIES:
        return {"model": name, **BODIES[path]}
    if path.endswith("/prompt"):
        return {"prompt": "x"}
    return CANCELLED if path.endswith("/status") else {}


def asked(server: LiveServer, headers: Any, route: str, name: str) -> tuple[int, str]:
    """The status and the text of an answer, the name that was asked for taken out of it."""
    verb, path = route.split(" ")
    where = re.sub("{[^}]*}", name, path).removeprefix("/")
    body = body_of(verb, path, name)
    with server.open(where, body, method=verb, headers=headers) as answer:
        return answer.status, answer.read().decode().replace(name, "NAME")


def walk(
    server: LiveServer,
    headers: Any,
    names: list[str],
    secrets: list[str],
    *,
    verbs: str = "GET POST PUT DELETE",
) -> None:
    """Ask everything by every name, as by one that is nobody's: there is no difference."""
    for route in sorted(ENDPOINTS.keys() - NOT_WALKED):
        verb, path = route.split(" ")
        if verb not in verbs:
            continue
        expected = asked(server, headers, route, NOBODYS)
        assert not [each for each in secrets if each in expected[1]], (route, expected)
        if "{" in path or path in BODIES:
            for name in names:
                assert asked(server, headers, route, name) == expected, (route, name)


class Listener(Thread):
    """Takes all events as they come: a client that leaves them would lose its connection."""

    def __init__(self, socket: ClientConnection) -> None:
        super().__init__(daemon=True)
        self.seen = ""
        self._socket = socket

    def run(self) -> None:
        with suppress(ConnectionClosed):
            for message in self._socket:
                self.seen += str(message)


def test_no_route_tells_of_another_users_service(server: LiveServer) -> None:
    ada, eve = key(server, "ada"), key(server, "eve")
    url = f"{server.url}/ws".replace("http://", "ws://")
    with connect(url, additional_headers=eve) as socket:
        (events := Listener(socket)).start()
        config = {"environment": {"MODEL": f"{NAME}-weights"}}
        asked_for = {"recipe_name": "test/open", "name": NAME, "config": config}
        made = server.json("api/v1/services", asked_for, headers=ada)
        until(lambda: NAME in server.open("v1/models", headers=ada).read().decode())
        chat = {"model": NAME, "messages": CHAT}
        until(lambda: server.open("v1/chat/completions", chat, headers=ada).status == 200)
        # what nobody names is then hers, too
        assert server.open("switch", {"model": NAME}, headers=ada).status == 200
        # her own figures have it, so that the others' could
        for where in ("metrics", "api/admin/metrics/requests"):
            assert NAME in server.open(where, headers=ada).read().decode()
        until(lambda: used(server, ada) == {NAME})

        names = [made["id"], NAME, f"{NAME}-weights"]
        secrets = [made["id"], NAME]
        walk(server, eve, names, secrets)
        assert server.json(f"api/v1/services/{made['id']}")["ended_at"] is None
        server.json(f"api/v1/services/{made['id']}/status", CANCELLED, headers=ada)
        ended(server, made["id"])
        until(lambda: NAME not in server.open("v1/models", headers=ada).read().decode())
        walk(server, eve, names, secrets, verbs="GET")
        assert used(server, ada) == {NAME}
        # whoever has the server's own token may know it all, and whoever is named
        for operator in ({}, key(server, "prometheus")):
            assert NAME in server.open("metrics", headers=operator).read().decode()

        hello = {"model": "echo", "messages": CHAT}
        assert server.open("v1/chat/completions", hello, headers=eve).status == 200
        # hers are told in their order: had there been one of the other's, it would stand before
        until(lambda: '"usage"' in events.seen)
        assert not [each for each in secrets if each in events.seen], events.seen

    server.stop()
    server.start_again()
    # of what is written down alone, nobody else is told either
    assert used(server, ada) == {NAME, "echo"}
    assert used(server, eve) == {"echo"}
    walk(server, eve, [], secrets, verbs="GET")


def used(server: LiveServer, headers: Any) -> set[str]:
    """The models that somebody is told the use of."""
    found = server.json("api/admin/metrics/models", headers=headers)
    return {each["id"] for each in found["models"]}
