"""vLLM itself as a service, on the processor: on this machine, and on a cluster behind SSH."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from shutil import copytree
from typing import Any

import numpy as np
import psutil
import pytest
from gateway_stage import (
    by_itself,
    cancel_all,
    cancelled,
    curl,
    login_node,
    make_program,
    models_of,
    started,
    through_ssh,
)
from live import LiveServer
from openai import OpenAI

from jupyter_llm import LLM

pytestmark = [
    pytest.mark.vllm,
    pytest.mark.skipif("sys.platform != 'linux'", reason="needs namespaces of Linux"),
    pytest.mark.timeout(900),
]

PATIENCE_S = 600.0
GUIDE = Path(__file__).parents[1] / "models" / "guide"
RECIPE = "inference/vllm-cpu"
QUESTIONS = ("How do I load a model?", "How do I stop an answer?")
EXACT = {"VLLM_DTYPE": "float32", "VLLM_CPU_KVCACHE_SPACE": 1}
MAIN = "from vllm.entrypoints.cli.main import main; main()"


def make_vllm(home: Path) -> None:
    """vLLM's own command, which asks for the name under which vLLM is known to pip."""
    if find_spec("vllm") is None:
        assert "CI" not in os.environ
        pytest.skip("vLLM is not installed: make test-vllm")
    named = f"{version('vllm-cpu')}+cpu"
    site = home / "site" / f"vllm-{named}.dist-info"
    site.mkdir(parents=True)
    (site / "METADATA").write_text(f"Metadata-Version: 2.1\nName: vllm\nVersion: {named}\n")
    text = f"PYTHONPATH={site.parent} exec {sys.executable} -c '{MAIN}' \"$@\""
    make_program(home, "vllm", text)


@pytest.fixture(scope="module", params=["gateway", "local"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LiveServer]:
    """A notebook server in front of a cluster, or one that runs services itself."""
    # a socket's path is short
    home = tmp_path_factory.mktemp("vllm")
    make_vllm(home)
    if request.param == "local":
        with by_itself(home, env={}) as one:
            yield one
            cancel_all(one)
        return
    with login_node(home) as login, through_ssh(login, env={}) as one:
        yield one
        cancel_all(one)


def test_the_guide_in_vllm_answers_as_it_does_here(server: LiveServer) -> None:
    own = {"MODEL": str(GUIDE), **EXACT}
    service = started(server, RECIPE, environment=own, wait_s=PATIENCE_S)
    job, model = service["id"], service["model_id"]
    assert model in models_of(server)
    assert curl(server, f"vllm/{job}/models")["models"] == [str(GUIDE)]
    with OpenAI(base_url=f"{server.url}/v1", api_key=server.token, max_retries=0) as openai:
        for question in QUESTIONS:
            compare(openai, model, question)
    answer = curl(server, f"vllm/{job}/prompt", {"prompt": QUESTIONS[0], "max_tokens": 64})
    assert answer["text"]
    assert answer["usage"]["completion_tokens"] > 0
    assert answer["routed_to"] == service["replicas"][0]["id"]
    assert "vllm:generation_tokens_total" in curl(server, f"vllm/{job}/metrics")
    assert "Application startup complete" in log_of(server, job)
    processes = processes_of(GUIDE)
    assert len(processes) > 1, "vLLM computes in a process of its own"
    cancelled(server, "services", job)
    assert not psutil.wait_procs(processes, timeout=60)[1]
    assert model not in models_of(server)


def compare(openai: OpenAI, model: str, question: str) -> None:
    """One answer whole and in pieces, beside that of the model in this server."""
    asked: Any = {
        "messages": [{"role": "user", "content": question}],
        "temperature": 0,
        "max_tokens": 64,
    }
    here = openai.chat.completions.create(model="guide", **asked)
    there = openai.chat.completions.create(model=model, **asked)
    text = here.choices[0].message.content
    assert there.choices[0].message.content == text
    assert there.choices[0].finish_reason == "stop"
    assert there.usage is not None
    assert here.usage is not None
    assert there.usage.prompt_tokens == here.usage.prompt_tokens
    chunks = list(
        openai.chat.completions.create(
            model=model, stream=True, stream_options={"include_usage": True}, **asked
        )
    )
    words = [choice.delta.content or "" for chunk in chunks for choice in chunk.choices]
    assert "".join(words) == text
    assert chunks[-1].usage == there.usage


def log_of(server: LiveServer, job: str) -> str:
    """All of a service's log, part by part."""
    text, offset = "", 0
    while (part := curl(server, f"services/{job}/logs?offset={offset}"))["logs"]:
        text, offset = text + part["logs"], part["next_offset"]
    return text


def processes_of(folder: Path) -> list[psutil.Process]:
    """vLLM's server of this model, and all that it has started."""
    (one,) = (
        each
        for each in psutil.process_iter(["cmdline"])
        if {"serve", str(folder)} <= set(each.info["cmdline"] or ())
    )
    return [one, *one.children(recursive=True)]


@pytest.mark.parametrize("server", ["local"], indirect=True)
def test_a_model_that_vllm_knows_as_an_embedder_gives_vectors(
    server: LiveServer, tmp_path: Path
) -> None:
    folder = copytree(GUIDE, tmp_path / "embedder")
    steps = {"Transformer": "", "Pooling": "1_Pooling", "Normalize": "2_Normalize"}
    modules = [
        {"idx": n, "name": str(n), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for n, (kind, path) in enumerate(steps.items())
    ]
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "1_Pooling").mkdir()
    pooling = {"word_embedding_dimension": 256, "pooling_mode_lasttoken": True}
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling))
    own = {"MODEL": str(folder), **EXACT}
    service = started(server, RECIPE, environment=own, wait_s=PATIENCE_S)
    texts = ["How do I load a model?", "Hello!", "How do I load a model?"]
    with OpenAI(base_url=f"{server.url}/v1", api_key=server.token, max_retries=0) as openai:
        found = openai.embeddings.create(model=service["model_id"], input=texts)
    vectors = np.array([one.embedding for one in found.data])
    assert vectors.shape == (3, 256)
    np.testing.assert_allclose(vectors[0], vectors[2], atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-4)
    assert float(vectors[0] @ vectors[1]) < 0.99
    assert found.usage.prompt_tokens > 0
    with LLM(server.url, server.token) as llm:
        same = llm.embed(texts, model=service["model_id"])
    np.testing.assert_allclose(same, vectors, atol=1e-4)
    cancelled(server, "services", service["id"])
