"""What a recipe and a request come to, and which requests come to nothing."""

from __future__ import annotations

from typing import Any

import pytest

from jupyter_llm.errors import InvalidRequestError
from jupyter_llm.services.cookbook import Cookbook
from jupyter_llm.services.launcher import Job
from jupyter_llm.services.plan import Plan, plan
from jupyter_llm.services.record import planned as recorded
from jupyter_llm.services.words import quoted

VLLM = "inference/vllm-single-node"
GROUP = "inference/vllm-replicas"


def planned(recipe: str, config: dict[str, Any] | None = None) -> Plan:
    return plan(Cookbook().recipe(recipe), config)


def command(of: Plan) -> list[str]:
    return [quoted(word) for word in of.command]


def test_without_a_config_the_recipe_decides() -> None:
    made = planned(VLLM)
    assert made.model == "Qwen/Qwen2.5-0.5B-Instruct"
    assert (made.num_replicas, made.num_gpus, made.time_limit_s) == (1, 4, 7200)
    assert command(made)[-1] == "--tensor-parallel-size=4"


def test_a_group_divides_its_gpus() -> None:
    assert planned(GROUP).num_replicas == 4
    made = planned(GROUP, {"resources": {"gpu": "4"}, "gpu_per_replica": 2})
    assert (made.num_replicas, made.gpus_per_replica) == (2, 2)
    assert command(made)[-1] == "--tensor-parallel-size=2"


def test_every_documented_setting_is_taken() -> None:
    made = planned(
        VLLM,
        {
            "environment": {
                "VLLM_MODEL": "gpt2",
                "VLLM_HOST": "0.0.0.0",
                "VLLM_PORT": "8005",
                "VLLM_MAX_MODEL_LEN": "2048",
                "VLLM_TENSOR_PARALLEL_SIZE": "4",
                "VLLM_GPU_MEMORY_UTILIZATION": 0.9,
                "CUDA_VISIBLE_DEVICES": "0",
            },
            "resources": {"cpu": "2", "memory": "32G", "time_limit": 15, "gpu": "4"},
        },
    )
    assert (made.model, made.host, made.port, made.time_limit_s) == ("gpt2", "0.0.0.0", 8005, 900)
    assert (made.resources.cpu, made.resources.memory) == (2, "32G")
    assert command(made)[2:] == [
        "gpt2",
        '--host="$HOST"',
        '--port="$PORT"',
        "--max-model-len=2048",
        "--tensor-parallel-size=4",
        "--gpu-memory-utilization=0.9",
    ]


def test_without_gpus_nothing_is_said_of_them() -> None:
    made = planned(VLLM, {"resources": {"nodes": 1, "cpu": "4", "memory": "16G", "gpu": None}})
    assert made.num_gpus == 0
    assert not any("tensor-parallel" in word for word in command(made))


def test_a_default_can_be_taken_away() -> None:
    made = planned(VLLM, {"environment": {"VLLM_TENSOR_PARALLEL_SIZE": None}})
    assert not any("tensor-parallel" in word for word in command(made))


def test_a_model_has_one_name_in_every_recipe() -> None:
    for recipe in ("vllm-single-node", "vllm-cpu", "llama-cpp-single-node"):
        assert planned(recipe, {"environment": {"MODEL": "org/name"}}).model == "org/name"
    assert planned("qdrant").model == ""


@pytest.mark.parametrize(
    ("recipe", "model", "given", "name"),
    [
        (VLLM, "Qwen/Qwen2.5-0.5B-Instruct", "", "Qwen/Qwen2.5-0.5B-Instruct"),
        (VLLM, "/data/models/Qwen2.5-0.5B-Instruct/", "", "Qwen2.5-0.5B-Instruct"),
        ("llama-cpp-single-node", "~/models/tiny-Q8_0.gguf", "", "tiny-Q8_0"),
        (VLLM, "/data/models/Qwen2.5-0.5B-Instruct", "mine", "mine"),
    ],
)
def test_a_service_is_called_like_its_model(recipe: str, model: str, given: str, name: str) -> None:
    made = planned(recipe, {"environment": {"MODEL": model}})
    job = Job(key="local-0123456789ab", folder="/jobs/1")
    assert recorded(made, job, owner="ada", name=given, now=0.0).service.name == name


def test_a_repository_is_downloaded_where_it_is_missing() -> None:
    made = planned("llama-cpp-single-node", {"environment": {"MODEL": "org/name:Q4_K_M"}})
    assert ("AUTO_REPO_ID", "org/name:Q4_K_M") in [(n, quoted(w)) for n, w in made.environment]
    assert "AUTO_REPO_ID" not in dict(planned("llama-cpp-single-node").environment)


@pytest.mark.parametrize(
    ("recipe", "config", "param"),
    [
        (VLLM, {"colour": "red"}, "config.colour"),
        (VLLM, {"resources": {"gpus": 4}}, "config.resources.gpus"),
        (VLLM, {"resources": {"gpu": 0}}, "config.resources.gpu"),
        (VLLM, {"resources": {"gpu": "four"}}, "config.resources.gpu"),
        (VLLM, {"resources": {"gpu": 1.5}}, "config.resources.gpu"),
        (VLLM, {"resources": {"memory": "64 GB"}}, "config.resources.memory"),
        (VLLM, {"resources": {"time_limit": -1}}, "config.resources.time_limit"),
        (VLLM, {"resources": {"time_limit": "1:00:00"}}, "config.resources.time_limit"),
        (VLLM, {"resources": {"nodes": 2}}, "config.resources.nodes"),
        (VLLM, {"resources": {"partition": "--uid=0"}}, "config.resources.partition"),
        (VLLM, {"resources": {"gpu": None, "gpu_type": "h100"}}, "config.resources.gpu_type"),
        (VLLM, {"resources": []}, "config.resources"),
        (VLLM, {"environment": {"LD_PRELOAD": "/x.so"}}, "config.environment.LD_PRELOAD"),
        (VLLM, {"environment": {"VLLM_PORT": "0"}}, "config.environment.VLLM_PORT"),
        (VLLM, {"environment": {"VLLM_PORT": "70000"}}, "config.environment.VLLM_PORT"),
        (VLLM, {"environment": {"VLLM_PORT": "٣"}}, "config.environment.VLLM_PORT"),
        (VLLM, {"environment": {"VLLM_MODEL": "-v"}}, "config.environment.VLLM_MODEL"),
        (VLLM, {"environment": {"VLLM_MODEL": ["a"]}}, "config.environment[...]"),
        (
            VLLM,
            {"environment": {"MODEL": "a", "VLLM_MODEL": "b"}},
            "config.environment.MODEL",
        ),
        (
            VLLM,
            {"environment": {"CUDA_VISIBLE_DEVICES": '0"'}},
            "config.environment.CUDA_VISIBLE_DEVICES",
        ),
        (GROUP, {"gpu_per_replica": 3}, "config.gpu_per_replica"),
        (GROUP, {"gpu_per_replica": 2, "resources": {"gpu": None}}, "config.gpu_per_replica"),
        (GROUP, {"gpu_per_replica": 2, "replicas": 2}, "config.replicas"),
        (GROUP, {"replicas": 3}, "config.replicas"),
        ("qdrant", {"environment": {"MODEL": "a"}}, "config.environment.MODEL"),
    ],
)
def test_what_cannot_be_met_is_refused_by_its_field(
    recipe: str, config: dict[str, Any], param: str
) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        planned(recipe, config)
    assert caught.value.param == param
    assert caught.value.message.endswith(".")
