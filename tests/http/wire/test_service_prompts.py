"""Prompts for services and their answers, and the figures of several servers as one."""

from __future__ import annotations

import json
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from jupyter_llm.errors import InvalidRequestError, UpstreamError
from jupyter_llm.handlers.wire.completion_request import completion_call
from jupyter_llm.handlers.wire.sampling import SamplingDefaults
from jupyter_llm.handlers.wire.vllm import (
    PromptReply,
    as_chat,
    available_body,
    info_body,
    merged_metrics,
    prompt_call,
    served_models,
)
from jupyter_llm.library.hub.repo import HubRepo
from jupyter_llm.library.hub.weights import Weights
from jupyter_llm.types import (
    FinishReason,
    Fit,
    Message,
    Service,
    ServiceState,
    TokenChunk,
    Usage,
)

SERVICE = Service(
    id="3652098",
    name="chat",
    recipe="inference/vllm-replicas",
    kind="inference",
    owner="",
    launcher="slurm",
    state=ServiceState.RUNNING,
    model="gpt2",
    num_replicas=4,
    created_at=0.0,
    as_of=0.0,
)


def call_of(**body: Any) -> Any:
    call = completion_call(json.dumps(body).encode(), "prompt-1", SamplingDefaults())
    return prompt_call(call, SERVICE, "chat")


def test_a_prompt_is_what_a_user_says_to_the_model_of_the_service() -> None:
    call = call_of(
        prompt="Write a short haiku about AI", model="gpt2", max_tokens=64, temperature=0.7
    )
    assert call.request.model_id == "chat"
    chat = as_chat(call.request)
    assert chat is not None
    assert chat.prompt is None
    assert chat.messages == (Message(role="user", content="Write a short haiku about AI"),)
    assert (chat.sampling.max_tokens, chat.sampling.temperature) == (64, 0.7)
    assert as_chat(call_of(prompt="a", echo=True).request) is None
    assert as_chat(call_of(prompt="a", suffix="b").request) is None


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"prompt": "a", "stream": True}, "stream"),
        ({"prompt": "a", "model": "gpt3"}, "model"),
        ({"prompt": [1, 2]}, "prompt"),
        ({"prompt": ["a", "b"]}, "prompt"),
        ({"prompt": "a", "n": 2}, "n"),
        ({"prompt": "a", "temprature": 1}, "temprature"),
        ({}, "prompt"),
    ],
)
def test_what_this_route_cannot_do_is_refused_by_its_field(body: Any, param: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        call_of(**body)
    assert caught.value.param == param


def test_an_answer_says_who_has_given_it() -> None:
    last = TokenChunk(
        text="",
        finish_reason=FinishReason.STOP,
        usage=Usage(prompt_tokens=3, completion_tokens=2),
        served_by="3652098:8002",
    )
    reply = PromptReply(SERVICE, request_id="prompt-1", model="chat", created=1)
    answer = json.loads(reply.whole([TokenChunk(text="Why "), TokenChunk(text="do"), last]))
    assert answer == {
        "success": True,
        "id": "prompt-1",
        "service_id": "3652098",
        "model": "chat",
        "text": "Why do",
        "finish_reason": "stop",
        "routed_to": "3652098:8002",
        "group_id": "3652098",
        "total_replicas": 4,
        "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
    }


def test_the_models_of_a_server_are_read() -> None:
    assert served_models(b'{"object": "list", "data": [{"id": "gpt2", "x": 1}]}') == ["gpt2"]
    with pytest.raises(UpstreamError):
        served_models(b"<html>")


def test_figures_of_several_servers_keep_apart_and_can_be_read() -> None:
    text = (
        "# HELP vllm:tokens_total Tokens.\n# TYPE vllm:tokens_total counter\n"
        'vllm:tokens_total{model="a b"} %d.0\nvllm:tokens_total{} 1 1395066363000\n'
        "# HELP t Time.\n# TYPE t histogram\n"
        't_bucket{le="1.0"} 2.0\nt_bucket{le="+Inf"} 2.0\nt_count 2.0\nt_sum 1.5\n'
    )
    merged = merged_metrics({"7:8001": (text % 5).encode(), "7:8002": (text % 6).encode()})
    assert merged.count("# TYPE") == merged.count("# HELP") == 2
    found = {one.name: one for one in text_string_to_metric_families(merged)}
    assert set(found) == {"vllm:tokens", "t"}
    by_replica = {
        one.labels["replica"]: one.value for one in found["vllm:tokens"].samples if one.value > 1
    }
    assert by_replica == {"7:8001": 5, "7:8002": 6}
    assert len(found["t"].samples) == 8


def test_engines_that_could_run_a_model() -> None:
    engines = [("llama_cpp", ("gguf",)), ("mlx", ("safetensors",)), ("vllm", ("safetensors",))]

    def engines_of(kind: str, *architectures: str) -> list[str]:
        repo = HubRepo(id="o/m", revision="main", files=(), architectures=architectures)
        body = info_body(repo, Weights(format=kind, size_bytes=9), Fit.FITS, engines)
        assert body["fits"] == "fits"
        return list(body["compatible_engines"])

    assert engines_of("safetensors", "Qwen2ForCausalLM") == ["mlx", "vllm"]
    assert engines_of("safetensors", "UnheardOf") == ["mlx"]
    assert engines_of("gguf", "llama") == ["llama_cpp"]
    assert engines_of("pytorch", "OPTForCausalLM") == ["vllm"]
    assert engines_of("") == []


def test_the_default_model_is_one_of_the_examples() -> None:
    body = available_body()
    assert body["default_model"] in {one["model"] for one in body["examples"]}
