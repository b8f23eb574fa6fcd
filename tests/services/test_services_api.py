"""Services over HTTP, as clients of gateways call them, on each launcher and to the end."""

from __future__ import annotations

import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from signal import SIGKILL
from typing import Any

import pytest
from live import LiveServer
from mini_slurm import MiniSlurm

pytestmark = [
    pytest.mark.skipif("sys.platform == 'win32'", reason="needs a POSIX shell"),
    pytest.mark.timeout(300),
]

WAIT_S = 120.0
GROUP = "inference/llama-cpp-replicas"
SINGLE = "inference/llama-cpp-single-node"
CANCELLED = {"status": "cancelled"}
SMALL = {"resources": {"cpu": "1", "memory": "4G", "time_limit": 30}}

# answers its health check like vLLM, and says how it was called
VLLM = """#!/usr/bin/env python3
import json, os, sys
from http.server import BaseHTTPRequestHandler, HTTPServer

options = dict(word[2:].split("=", 1) for word in sys.argv[3:])
devices = os.environ.get("CUDA_VISIBLE_DEVICES", "")
line = "CALLED " + json.dumps([sys.argv[1:3], options, devices]) + "\\n"
os.write(1, line.encode())  # at once: the servers of a group write into the same log


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        is_known = self.headers["Authorization"] == "Bearer " + os.environ["VLLM_API_KEY"]
        self.send_response(200 if is_known else 401)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


HTTPServer((options["host"], int(options["port"])), Handler).serve_forever()
"""


@pytest.fixture(scope="module", params=["local", "slurm"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LiveServer]:
    """A notebook server with four GPUs, or in front of a cluster."""
    programs = tmp_path_factory.mktemp("programs")
    (programs / "vllm").write_text(VLLM)
    (programs / "vllm").chmod(0o755)
    env = {"PATH": f"{programs}:{os.environ['PATH']}", "CUDA_VISIBLE_DEVICES": "0,1,2,3"}
    if request.param == "slurm":
        cluster: MiniSlurm = request.getfixturevalue("slurm")
        env |= cluster.env
    options = (
        f"--LLMExtension.services_launcher={request.param}",
        "--LLMExtension.services_poll_s=0.3",
    )
    with LiveServer(*options, env=env) as server:
        yield server
        for service in server.json("api/v1/services")["services"]:
            server.json(f"api/v1/services/{service['id']}/status", CANCELLED)
        for service in server.json("api/v1/services")["services"]:
            ended(server, service["id"])


def until(
    server: LiveServer, service_id: str, holds: Callable[[dict[str, Any]], bool]
) -> dict[str, Any]:
    deadline = time.monotonic() + WAIT_S
    while not holds(service := server.json(f"api/v1/services/{service_id}")):
        if time.monotonic() > deadline:
            logs = server.json(f"api/v1/services/{service_id}/logs")["logs"]
            raise AssertionError(f"{service}\n{logs}\n{server.log}")
        time.sleep(0.1)
    return dict(service)


def ended(server: LiveServer, service_id: str) -> dict[str, Any]:
    return until(server, service_id, lambda each: each["ended_at"] is not None)


def whole(service: dict[str, Any]) -> bool:
    healthy = [each for each in service["replicas"] if each["is_healthy"]]
    assert service["ended_at"] is None, service
    return service["status"] == "running" and len(healthy) == service["num_replicas"]


def chat(server: LiveServer, replica: dict[str, Any], key: str) -> str:
    """What a server of the service says, asked as its clients ask it."""
    body = {"model": "guide", "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 8}
    request = urllib.request.Request(
        f"http://{replica['host']}:{replica['port']}{replica['base_path']}/v1/chat/completions",
        data=json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
        return str(json.load(answer)["choices"][0]["message"]["content"])


def folder_of(server: LiveServer, service: dict[str, Any]) -> Path:
    """The job's folder, found by the servers that it has."""
    port = f'"port":{service["replicas"][0]["port"]},'
    files = (server.home / "data/jupyter_llm/services").glob("*/endpoints.jsonl")
    found = [file.parent for file in files if port in file.read_text()]
    return max(found, key=lambda folder: folder.stat().st_mtime)


def test_recipes_can_be_listed_and_looked_at(server: LiveServer) -> None:
    recipes = server.json("api/v1/recipes")["recipes"]
    assert "inference/vllm-single-node" in [each["name"] for each in recipes]
    one = server.json("api/v1/recipes/vllm-single-node")
    assert one == server.json("api/v1/recipes/inference/vllm-single-node")
    assert one["resources"]["gpu"] == 4
    assert one["environment"]["VLLM_MODEL"] == "Qwen/Qwen2.5-0.5B-Instruct"
    with server.open("api/v1/recipes/nothing") as answer:
        assert answer.status == 404


def test_a_model_is_served_survives_its_server_and_ends(server: LiveServer) -> None:
    with server.open("api/v1/services", {"recipe_name": SINGLE, "config": SMALL}) as answer:
        assert answer.status == 201
        made = json.load(answer)
    assert (made["recipe_name"], made["status"]) == (SINGLE, "pending")
    service_id = made["id"]
    running = until(server, service_id, whole)
    key = (folder_of(server, running) / "key").read_text()
    assert chat(server, running["replicas"][0], key)
    for wrong in ("", "another", server.token):
        with pytest.raises(urllib.error.HTTPError, match="401"):
            chat(server, running["replicas"][0], wrong)

    logs = server.json(f"api/v1/services/{service_id}/logs")
    assert "guide is ready" in logs["logs"]
    assert "jupyterlab" not in logs["logs"]
    rest = server.json(f"api/v1/services/{service_id}/logs?offset={logs['next_offset']}")
    assert rest["offset"] == logs["next_offset"]
    assert rest["logs"] not in logs["logs"] or not rest["logs"]

    server.stop(SIGKILL)
    server.start_again()
    assert [each["id"] for each in server.json("api/v1/services")["services"]].count(
        service_id
    ) == 1
    again = until(server, service_id, whole)
    assert again["replicas"] == running["replicas"]
    assert chat(server, again["replicas"][0], key)
    status = server.json(f"api/v1/services/{service_id}/status")
    assert (status["status"], status["healthy_replicas"], status["is_stale"]) == (
        "running",
        1,
        False,
    )

    answer = server.json(f"api/v1/services/{service_id}/status", CANCELLED)
    assert answer["message"] == f"Service {service_id} status updated to cancelled"
    assert ended(server, service_id)["status"] == "cancelled"
    with pytest.raises(urllib.error.URLError, match="refused"):
        chat(server, running["replicas"][0], key)


def test_a_group_is_served_by_all_of_its_replicas(server: LiveServer) -> None:
    made = server.json("api/v1/services", {"recipe_name": GROUP, "config": SMALL, "name": "pair"})
    group_id = made["id"]
    running = until(server, group_id, whole)
    key = (folder_of(server, running) / "key").read_text()
    for replica in running["replicas"]:
        assert chat(server, replica, key)

    groups = server.json("api/v1/service-groups")["groups"]
    assert group_id in [each["group_id"] for each in groups]
    group = server.json(f"api/v1/service-groups/{group_id}")
    assert group["ports"] == [each["port"] for each in running["replicas"]]
    assert (group["job_ids"], group["name"]) == ([group_id], "pair")
    status = server.json(f"api/v1/service-groups/{group_id}/status")
    assert status["overall_status"] == "running"
    assert (status["healthy_replicas"], status["total_replicas"]) == (2, 2)
    assert [each["id"] for each in status["replica_statuses"]] == [
        f"{group_id}:{port}" for port in group["ports"]
    ]

    assert server.json(f"api/v1/service-groups/{group_id}/status", CANCELLED) == {
        "success": True,
        "message": f"Service group {group_id} status updated to cancelled",
        "group_id": group_id,
        "replicas_updated": 2,
    }
    ended(server, group_id)
    after = server.json(f"api/v1/service-groups/{group_id}/status")
    assert (after["overall_status"], after["healthy_replicas"]) == ("cancelled", 0)


ALL_OPTIONS = {
    "environment": {
        "VLLM_MODEL": "gpt2",
        "VLLM_HOST": "0.0.0.0",
        "VLLM_PORT": "8001",
        "VLLM_MAX_MODEL_LEN": "2048",
        "VLLM_TENSOR_PARALLEL_SIZE": "4",
        "VLLM_GPU_MEMORY_UTILIZATION": "0.9",
        "CUDA_VISIBLE_DEVICES": "0",
    },
    "resources": {"cpu": "2", "memory": "32G", "time_limit": 15, "gpu": "4"},
}
DOCUMENTED: list[tuple[str, dict[str, Any] | None, str, list[str]]] = [
    ("inference/vllm-single-node", None, "Qwen/Qwen2.5-0.5B-Instruct", ["0,1,2,3"]),
    (
        "inference/vllm-single-node",
        {"environment": {"VLLM_MODEL": "gpt2"}},
        "gpt2",
        ["0,1,2,3"],
    ),
    (
        "inference/vllm-single-node",
        {
            "environment": {"VLLM_MODEL": "gpt2"},
            "resources": {"cpu": "8", "memory": "64G", "time_limit": 120, "gpu": "4"},
        },
        "gpt2",
        ["0,1,2,3"],
    ),
    ("inference/vllm-single-node", ALL_OPTIONS, "gpt2", ["0"]),
    ("inference/vllm-replicas", None, "Qwen/Qwen2.5-0.5B-Instruct", ["0", "1", "2", "3"]),
    (
        "inference/vllm-replicas",
        {"resources": {"gpu": "4"}, "gpu_per_replica": 2},
        "Qwen/Qwen2.5-0.5B-Instruct",
        ["0,1", "2,3"],
    ),
    (
        "inference/vllm-single-node",
        {
            "environment": {"VLLM_MODEL": "gpt2"},
            "resources": {"nodes": 1, "cpu": "4", "memory": "16G", "gpu": None},
        },
        "gpt2",
        [""],
    ),
]


@pytest.mark.parametrize(("recipe", "config", "model", "devices"), DOCUMENTED)
def test_every_documented_request_starts_what_it_says(
    server: LiveServer,
    recipe: str,
    config: dict[str, Any] | None,
    model: str,
    devices: list[str],
) -> None:
    body = {"recipe_name": recipe} | ({"config": config} if config else {})
    service_id = server.json("api/v1/services", body)["id"]
    running = until(server, service_id, whole)
    assert running["model"] == model
    logs = server.json(f"api/v1/services/{service_id}/logs")["logs"]
    calls = [json.loads(line[7:]) for line in logs.splitlines() if line.startswith("CALLED ")]
    assert {tuple(words) for words, _, _ in calls} == {("serve", model)}
    if devices != [""]:
        assert sorted(seen for _, _, seen in calls) == devices
    if config is ALL_OPTIONS:
        options = calls[0][1]
        assert (options["host"], options["max-model-len"]) == ("0.0.0.0", "2048")
        assert (options["tensor-parallel-size"], options["gpu-memory-utilization"]) == ("4", "0.9")
    with server.open(f"api/v1/services/{service_id}", method="DELETE") as answer:
        assert answer.headers["Deprecation"] == "true"
        assert json.load(answer)["success"] is True
    # the record stays
    assert ended(server, service_id)["status"] == "cancelled"


@pytest.mark.parametrize(
    ("path", "body", "status", "param"),
    [
        ("api/v1/services", {"recipe_name": "nothing"}, 404, "recipe_name"),
        ("api/v1/services", {}, 400, "recipe_name"),
        ("api/v1/services", {"recipe_name": SINGLE, "colour": "red"}, 400, "colour"),
        ("api/v1/services", {"recipe_name": SINGLE, "name": "a\nb"}, 400, "name"),
        ("api/v1/services", {"recipe_name": SINGLE, "name": "a\n"}, 400, "name"),
        (
            "api/v1/services",
            {"recipe_name": "vllm-replicas", "config": {"gpu_per_replica": 3}},
            400,
            "config.gpu_per_replica",
        ),
        ("api/v1/services/nothing/status", CANCELLED, 404, "id"),
        ("api/v1/services/nothing/status", {"status": "running"}, 400, "status"),
        ("api/v1/services/nothing", None, 404, "id"),
        ("api/v1/services/nothing/logs?offset=-1", None, 400, "offset"),
        ("api/v1/services/nothing/logs", None, 404, "id"),
        ("api/v1/service-groups/nothing", None, 404, "id"),
    ],
)
def test_what_is_wrong_is_said_by_its_field(
    server: LiveServer, path: str, body: Any, status: int, param: str
) -> None:
    before = len(server.json("api/v1/services")["services"])
    with server.open(path, body) as answer:
        assert answer.status == status
        assert json.load(answer)["error"]["param"] == param
    assert len(server.json("api/v1/services")["services"]) == before
