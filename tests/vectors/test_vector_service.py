"""A vector database that is a service, from its recipe to a search, over HTTP."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from live import LiveServer

if TYPE_CHECKING:
    from collections.abc import Iterator


QDRANT = str(Path(__file__).parent / "qdrant.py")
RECIPE = {
    "kind": "vector-db",
    "environment": {"QDRANT_HOST": None},
    "port": 17333,
    "key_variable": "QDRANT__SERVICE__API_KEY",
    "health": "/readyz",
    "command": ["${PYTHON}", QDRANT, "${HOST}", "${PORT}", "${FOLDER}/storage"],
}
NOT_ONE = {
    **RECIPE,
    "kind": "inference",
    "environment": {"QDRANT_HOST": None, "MODEL": "m"},
    "command": ["sleep", "600"],
}
WAIT_S = 60.0


@pytest.fixture
def server(tmp_path: Path) -> Iterator[LiveServer]:
    for name, recipe in (("vectors", RECIPE), ("model", NOT_ONE)):
        (tmp_path / "test").mkdir(exist_ok=True)
        (tmp_path / "test" / f"{name}.yaml").write_text(yaml.safe_dump(recipe))
    with LiveServer(
        f"--LLMExtension.recipe_dirs={tmp_path}",
        "--LLMExtension.services_launcher=local",
        "--LLMExtension.services_poll_s=0.2",
    ) as server:
        yield server


def key_for(server: LiveServer, name: str) -> str:
    return str(server.json("api/admin/keys", {"name": name})["key"])


def started(server: LiveServer, recipe: str, auth: dict[str, str]) -> str:
    made = server.json("api/v1/services", {"recipe_name": recipe}, headers=auth)
    return str(made["id"])


def until_it_is(server: LiveServer, service_id: str, status: str) -> None:
    deadline = time.monotonic() + WAIT_S
    while (service := server.json(f"api/v1/services/{service_id}"))["status"] != status:
        assert time.monotonic() < deadline, service
        time.sleep(0.1)


def answered(server: LiveServer, path: str, **request: Any) -> tuple[int, Any]:
    with server.open(path, **request) as response:
        return response.status, json.load(response)


def test_a_service_is_a_vector_database_of_its_owners(server: LiveServer) -> None:
    ann, bob = ({"Authorization": f"Bearer {key_for(server, one)}"} for one in ("ann", "bob"))
    service_id = started(server, "test/vectors", ann)
    docs = f"api/v1/vector-db/{service_id}/collections/docs"
    until_it_is(server, service_id, "running")

    assert answered(server, docs, body={"vector_size": 2}, method="PUT", headers=ann)[0] == 200
    points = {"points": [{"id": 1, "vector": [1, 0], "payload": {"text": "One"}}]}
    assert answered(server, f"{docs}/points", body=points, method="PUT", headers=ann)[0] == 200
    asked = {"query_vector": [1, 0]}
    _, found = answered(server, f"{docs}/points/search", body=asked, headers=ann)
    assert [one["payload"]["text"] for one in found["results"]] == ["One"]

    for path, request in ((docs, {}), (f"{docs}/points/search", {"body": asked})):
        status, body = answered(server, path, headers=bob, **request)
        assert (status, body["error"]["code"]) == (404, "vector_db_not_found")
    # who has the server's own token sees all
    assert answered(server, docs)[1]["collection_info"]["points_count"] == 1

    stop = {"status": "cancelled"}
    server.json(f"api/v1/services/{service_id}/status", stop, headers=ann)
    until_it_is(server, service_id, "cancelled")
    status, body = answered(server, docs, headers=ann)
    assert (status, body["error"]["code"]) == (503, "vector_store_unavailable")
    assert "cancelled" in body["error"]["message"]


def test_a_service_that_serves_a_model_is_no_vector_database(server: LiveServer) -> None:
    service_id = started(server, "test/model", {"Authorization": f"Bearer {server.token}"})

    status, body = answered(server, f"api/v1/vector-db/{service_id}/collections")

    assert (status, body["error"]["code"]) == (404, "vector_db_not_found")
    server.json(f"api/v1/services/{service_id}/status", {"status": "cancelled"})
