"""Whose services are whose: nobody sees, reads or stops another user's, but for whoever may."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ground import cookbook
from live import LiveServer
from websockets.sync.client import connect

pytestmark = pytest.mark.skipif("sys.platform == 'win32'", reason="needs a POSIX shell")

CANCELLED = {"status": "cancelled"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    recipes: Path = tmp_path_factory.mktemp("recipes")
    cookbook(recipes)
    options = (
        "--LLMExtension.services_launcher=local",
        "--LLMExtension.services_poll_s=0.2",
        f"--LLMExtension.recipe_dirs={recipes}",
    )
    with LiveServer(*options) as server:
        yield server
        for service in server.json("api/v1/services")["services"]:
            server.json(f"api/v1/services/{service['id']}/status", CANCELLED)
            ended(server, service["id"])


def key(server: LiveServer, name: str) -> dict[str, str]:
    made = server.json("api/admin/keys", {"name": name})
    return {"Authorization": f"Bearer {made['key']}"}


def ended(server: LiveServer, service_id: str) -> dict[str, Any]:
    deadline = time.monotonic() + 60
    while (service := server.json(f"api/v1/services/{service_id}"))["ended_at"] is None:
        assert time.monotonic() < deadline, service
        time.sleep(0.1)
    return dict(service)


def test_another_users_service_is_not_there(server: LiveServer) -> None:
    ada, eve = key(server, "ada"), key(server, "eve")
    made = server.json("api/v1/services", {"recipe_name": "group"}, headers=ada)
    path, group = f"api/v1/services/{made['id']}", f"api/v1/service-groups/{made['id']}"

    assert server.json("api/v1/services", headers=eve) == {"services": []}
    assert server.json("api/v1/service-groups", headers=eve) == {"groups": []}
    for where, body, method in (
        (path, None, None),
        (f"{path}/status", None, None),
        (f"{path}/logs", None, None),
        (f"{path}/status", CANCELLED, None),
        (path, None, "DELETE"),
        (group, None, None),
        (f"{group}/status", None, None),
        (f"{group}/status", CANCELLED, None),
        (group, None, "DELETE"),
    ):
        with server.open(where, body, method=method, headers=eve) as answer:
            assert answer.status == 404, where
            refused = json.load(answer)["error"]
        unknown = where.replace(made["id"], "local-0")
        with server.open(unknown, body, method=method, headers=eve) as answer:
            # nor can it be told from one that never was
            assert json.load(answer)["error"]["message"] == refused["message"].replace(
                made["id"], "local-0"
            )
    assert server.json(path, headers=ada)["ended_at"] is None

    # whoever has the server's own token may see and stop all
    assert made["id"] in [each["id"] for each in server.json("api/v1/services")["services"]]
    server.json(f"{path}/status", CANCELLED)
    assert ended(server, made["id"])["status"] == "cancelled"


def test_events_and_logs_are_for_their_owner(server: LiveServer) -> None:
    bob, mallory = key(server, "bob"), key(server, "mallory")
    url = f"{server.url}/ws".replace("http://", "ws://")
    with (
        connect(url, additional_headers=bob) as bobs,
        connect(url, additional_headers=mallory) as mallorys,
    ):
        made = server.json("api/v1/services", {"recipe_name": "server"}, headers=bob)
        asked = json.dumps({"subscribe": ["service"], "follow": [made["id"]]})
        bobs.send(asked)
        mallorys.send(asked)
        log, states, offset = "", [], 0
        while "serving m" not in log or "running" not in states:
            event = json.loads(bobs.recv(60))
            if event["type"] != "service":
                continue
            data = event["data"]
            assert data["id"] == made["id"]
            if "logs" in data:
                assert data["offset"] == offset
                log, offset = log + data["logs"], data["next_offset"]
            else:
                assert data["recipe_name"] == "test/server"
                states.append(data["status"])
        server.json(f"api/v1/services/{made['id']}/status", CANCELLED, headers=bob)
        while states[-1] != "cancelled" or "[service] cancelled" not in log:
            data = json.loads(bobs.recv(60))["data"]
            if "logs" in data:
                log += data["logs"]
            else:
                states.append(data["status"])
        # hers are told in their order: had there been one of his, it would stand before this
        hers = server.json("api/v1/services", {"recipe_name": "ends"}, headers=mallory)
        while True:
            event = json.loads(mallorys.recv(60))
            if event["type"] == "service":
                assert event["data"]["id"] == hers["id"]
                break
