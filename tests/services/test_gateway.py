"""The documented calls: to a notebook server outside a cluster, of which it reaches SSH alone, and
to one that runs services itself."""

from __future__ import annotations

import json
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from signal import SIGKILL
from typing import Any

import numpy as np
import psutil
import pytest
from gateway_stage import (
    SMALL,
    WAIT_S,
    by_itself,
    cancel_all,
    cancelled,
    curl,
    login_node,
    make_program,
    models_of,
    started,
    through_ssh,
    until,
)
from live import LiveServer
from openai import OpenAI
from sshd import Sshd
from tiny_bert import write_tiny_bert

from jupyter_llm import LLM

sys.path.append(str(Path(__file__).parents[1] / "hub"))  # its server of models is a module there
from hub_server import Hub

pytestmark = [
    pytest.mark.skipif("sys.platform != 'linux'", reason="needs namespaces of Linux"),
    pytest.mark.timeout(400),
]

SHIM = Path(__file__).parent / "vllm_shim.py"


def make_vllm(home: Path) -> None:
    """A program of this name that repeats prompts."""
    make_program(home, "vllm", f'exec {sys.executable} {SHIM} "$@"')


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    """A SLURM cluster and its login node, in a network of their own."""
    home = tmp_path_factory.mktemp("cluster")
    make_vllm(home)
    with login_node(home) as login:
        yield login


@pytest.fixture(scope="module")
def hub() -> Iterator[Hub]:
    """A Hub with the model that recipes serve by default."""
    with Hub() as one:
        files = {"config.json": b"{}", "model.safetensors": b"x" * 1000}
        card = {
            "pipeline_tag": "text-generation",
            "config": {"architectures": ["Qwen2ForCausalLM"]},
        }
        tags = ("text-generation", "license:apache-2.0")
        one.add("Qwen/Qwen2.5-7B-Instruct", files, tags=tags, card=card)
        one.add("openai-community/gpt2", files, tags=tags)
        yield one


@pytest.fixture(scope="module")
def embedders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model that gives vectors alone."""
    folder = tmp_path_factory.mktemp("embedders")
    write_tiny_bert(folder / "bert.gguf")
    return folder


@pytest.fixture(scope="module", params=["gateway", "local"])
def server(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    hub: Hub,
    embedders: Path,
) -> Iterator[LiveServer]:
    env = {"HF_ENDPOINT": hub.url}
    models = f"--LLMExtension.models_dir={embedders}"
    if request.param == "gateway":
        made = through_ssh(request.getfixturevalue("cluster"), models, env=env)
    else:
        home = tmp_path_factory.mktemp("local")
        make_vllm(home)
        made = by_itself(home, models, env=env)
    with made as one:
        yield one
        cancel_all(one)


@pytest.fixture
def is_outside(request: pytest.FixtureRequest) -> bool:
    """Whether the services run in another network."""
    return "gateway" in request.node.callspec.id


def test_a_service_with_a_model_of_ones_choice(server: LiveServer) -> None:
    gpus = {"gpu": "4", "time_limit": 15, "cpu": "2", "memory": "32G"}
    own = {"VLLM_MODEL": "gpt2", "VLLM_MAX_MODEL_LEN": "2048"}
    service = started(server, "inference/vllm-single-node", environment=own, resources=gpus)
    job = service["id"]
    assert curl(server, f"services/{job}/status")["status"] == "running"
    assert curl(server, f"vllm/{job}/models")["models"] == ["gpt2"]
    prompt = {"prompt": "Write a short haiku about AI", "model": "gpt2", "max_tokens": 64}
    answer = curl(server, f"vllm/{job}/prompt", {**prompt, "temperature": 0.7})
    assert answer["text"].split() == prompt["prompt"].split()
    assert answer["success"] is True
    assert (answer["group_id"], answer["total_replicas"]) == (None, 1)
    assert answer["usage"]["completion_tokens"] == 6
    assert curl(server, f"vllm/{job}/metrics").startswith("# TYPE vllm:requests_total counter")
    assert "logs" in curl(server, f"services/{job}/logs")
    cancelled(server, "services", job)
    assert curl(server, f"services/{job}")["status"] == "cancelled"
    assert service["model_id"] not in models_of(server)


def test_a_group_of_replicas_has_its_requests_in_turn(server: LiveServer, is_outside: bool) -> None:
    service = started(server, "inference/vllm-replicas", resources={**SMALL, "gpu": "4"})
    group = service["id"]
    assert group in json.dumps(curl(server, "service-groups"))
    assert curl(server, f"service-groups/{group}")["num_replicas"] == 4
    status = until(
        server, f"service-groups/{group}/status", lambda one: one["healthy_replicas"] == 4
    )
    assert status["total_replicas"] == 4
    assert len(status["replica_statuses"]) == 4
    body: dict[str, Any] = {"prompt": "Tell me a joke about programming", "max_tokens": 100}
    seen: list[str] = []
    until_all = time.monotonic() + WAIT_S
    # a replica that has just come has its turns a moment later
    while len(set(seen[-8:])) < 4:
        answer = curl(server, f"vllm/{group}/prompt", body)
        assert (answer["group_id"], answer["total_replicas"]) == (group, 4)
        seen.append(answer["routed_to"])
        assert time.monotonic() < until_all, seen
    assert {one.split(":")[0] for one in seen} == {group}
    assert curl(server, f"vllm/{group}/metrics").count("replica=") == 4
    kill(seen[-1])
    # the dead one has its turn twice, before anybody has looked at it or after
    answers = [curl(server, f"vllm/{group}/prompt", body) for _ in range(8)]
    assert all(answer["text"].split() == body["prompt"].split() for answer in answers)
    until(server, f"service-groups/{group}/status", lambda one: one["healthy_replicas"] == 4)
    if is_outside:
        only_there(service)
    answer = cancelled(server, "service-groups", group)
    assert (answer["success"], answer["replicas_updated"]) == (True, 4)


def kill(replica_id: str) -> None:
    """End a server of ours without a word."""
    words = {str(SHIM), f"--port={replica_id.split(':')[1]}"}
    (server,) = (
        one for one in psutil.process_iter(["cmdline"]) if words <= set(one.info["cmdline"] or ())
    )
    server.kill()


def only_there(service: Any) -> None:
    """Nothing of it is reached from here but through the gateway."""
    for url in service["endpoints"]:
        host, port = url.removeprefix("http://").rsplit(":", 1)
        with pytest.raises(OSError, match=r".+"), socket.create_connection((host, int(port)), 5):
            pass


def test_a_real_model_answers_as_any_other_does(server: LiveServer) -> None:
    service = started(server, "inference/llama-cpp-single-node")
    model = service["model_id"]
    assert model == f"guide-{service['id']}", "there is a guide in this server, too"
    (listed,) = (one for one in server.json("models")["data"] if one["model"]["id"] == model)
    assert listed["model"]["engine"] == "remote"
    messages: Any = [{"role": "user", "content": "How do I load a model?"}]
    with OpenAI(base_url=f"{server.url}/v1", api_key=server.token, max_retries=0) as openai:
        here = openai.chat.completions.create(model="guide", messages=messages, temperature=0)
        there = openai.chat.completions.create(model=model, messages=messages, temperature=0)
        assert there.choices[0].message.content == here.choices[0].message.content
        with openai.chat.completions.create(
            model=model, messages=messages, temperature=0, stream=True
        ) as stream:
            words = [choice.delta.content or "" for chunk in stream for choice in chunk.choices]
        assert "".join(words) == here.choices[0].message.content
        tool: Any = {"type": "function", "function": {"name": "add", "parameters": {}}}
        forced: Any = {"type": "function", "function": {"name": "add"}}
        called = openai.chat.completions.create(
            model=model, messages=messages, tools=[tool], tool_choice=forced, max_tokens=60
        )
        assert called.choices[0].message.tool_calls
    answer = curl(server, f"vllm/{service['id']}/prompt", {"prompt": "How do I load a model?"})
    assert answer["routed_to"] == service["replicas"][0]["id"]
    deadline = time.monotonic() + WAIT_S
    while server.json(f"api/admin/models/{model}")["usage"]["num_requests"] < 4:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert "jupyter_llm_" in curl(server, f"vllm/{service['id']}/metrics")
    curl(server, f"services/{service['id']}", None, "-X", "DELETE")
    until(server, f"services/{service['id']}", lambda one: one["status"] == "cancelled")


def test_texts_become_vectors_in_a_service_as_they_do_here(
    server: LiveServer, embedders: Path
) -> None:
    own = {"MODEL": "bert", "MODELS_DIR": str(embedders)}
    service = started(server, "inference/llama-cpp-single-node", environment=own)
    model, texts = service["model_id"], ["hello world", "land and sea", "hello world"]
    assert model != "bert"
    with OpenAI(base_url=f"{server.url}/v1", api_key=server.token, max_retries=0) as openai:
        here = openai.embeddings.create(model="bert", input=texts)
        there = openai.embeddings.create(model=model, input=texts)
        numbers = openai.embeddings.create(model=model, input=texts[0], encoding_format="float")
    assert there.usage.prompt_tokens == here.usage.prompt_tokens > 0
    expected = np.array([one.embedding for one in here.data])
    np.testing.assert_allclose([one.embedding for one in there.data], expected, atol=1e-5)
    np.testing.assert_allclose(numbers.data[0].embedding, expected[0], atol=1e-5)
    with LLM(server.url, server.token) as llm:
        np.testing.assert_allclose(llm.embed(texts, model=model), expected, atol=1e-5)
    cancelled(server, "services", service["id"])


def test_nobody_else_sees_or_asks_the_model_of_a_service(server: LiveServer) -> None:
    def made(name: str) -> str:
        return str(server.json("api/admin/keys", {"name": name, "scopes": ALL})["key"])

    hers, his = made("ada"), made("bob")
    own, server.token = server.token, hers
    try:
        service = started(server, "inference/vllm-cpu")
        model, path = service["model_id"], f"api/v1/vllm/{service['id']}"
        asked = {"model": model, "messages": [{"role": "user", "content": "hello"}]}
        assert server.json("v1/chat/completions", asked)["choices"]
        server.token = his
        assert model not in models_of(server)
        assert not any(one["model"]["id"] == model for one in server.json("models")["data"])
        for route, body in (
            ("v1/chat/completions", asked),
            (f"v1/models/{model}", None),
            ("load", {"model": model}),
            (f"{path}/prompt", {"prompt": "hello"}),
            (f"{path}/models", None),
            (f"{path}/metrics", None),
            (f"api/v1/services/{service['id']}/logs", None),
        ):
            with server.open(route, body) as answer:
                assert answer.status == 404, route
        assert curl(server, "vllm/services")["services"] == []
        server.token = hers
        cancelled(server, "services", service["id"])
    finally:
        server.token = own


ALL = ["read", "execute", "write"]


@pytest.mark.parametrize("server", ["gateway"], indirect=True)
def test_a_login_node_that_goes_and_comes_costs_no_service(
    server: LiveServer, cluster: Sshd
) -> None:
    service = started(server, "inference/vllm-cpu")
    path, asked = f"services/{service['id']}", {"prompt": "hello there"}
    cluster.stop()
    until(server, path, lambda one: one["is_stale"])
    cluster.start()
    back = until(server, path, lambda one: not one["is_stale"])
    assert back["status"] == "running"
    deadline = time.monotonic() + WAIT_S
    while True:
        with server.open(f"api/v1/vllm/{service['id']}/prompt", asked) as answer:
            if answer.status == 200:
                assert json.load(answer)["text"].split() == ["hello", "there"]
                break
        assert time.monotonic() < deadline, server.log
        time.sleep(0.2)
    cancelled(server, "services", service["id"])


def test_recipes_and_models_that_could_be_served(server: LiveServer) -> None:
    assert "inference/vllm-replicas" in json.dumps(curl(server, "recipes"))
    assert curl(server, "recipes/vllm-single-node")
    assert "Qwen2ForCausalLM" in curl(server, "vllm/available-models")["supported_architectures"]
    (found,) = curl(server, "vllm/search-models?query=qwen&limit=10")["models"]
    assert (found["id"], found["downloads"]) == ("Qwen/Qwen2.5-7B-Instruct", 10)
    info = curl(server, "vllm/model-info/Qwen/Qwen2.5-7B-Instruct")
    assert info["architectures"] == ["Qwen2ForCausalLM"]
    assert (info["size_bytes"], info["fits"], info["licence"]) == (1000, "fits", "apache-2.0")
    assert "vllm" in info["compatible_engines"]


def test_a_notebook_server_that_was_killed_finds_its_services_again(server: LiveServer) -> None:
    service = started(server, "inference/vllm-cpu")
    num_before = len(curl(server, "services")["services"])
    server.stop(SIGKILL)
    server.start_again()
    until(server, "vllm/services", lambda all_: any(one["model_id"] for one in all_["services"]))
    assert len(curl(server, "services")["services"]) == num_before
    answer = curl(server, f"vllm/{service['id']}/prompt", {"prompt": "still there"})
    assert answer["text"].split() == ["still", "there"]
    cancelled(server, "services", service["id"])
