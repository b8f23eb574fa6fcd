"""What somebody has to know of a repository before it is served."""

from __future__ import annotations

from typing import Any

import pytest
from hub_server import Hub

from jupyter_llm.library.hub import repo as hub_api
from jupyter_llm.library.hub.pull import Puller
from jupyter_llm.library.hub.weights import Weights
from jupyter_llm.types import Fit

QWEN = {
    "pipeline_tag": "text-generation",
    "config": {"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2"},
    "safetensors": {"parameters": {"BF16": 500}, "total": 500},
}


def puller(memory_bytes: int) -> Puller:
    async def memory() -> int:
        return memory_bytes

    no_downloads: Any = None
    return Puller(no_downloads, memory)


async def test_architecture_size_and_fit_of_a_repository_of_safetensors(hub: Hub) -> None:
    weights = {"a-1.safetensors": b"x" * 600, "a-2.safetensors": b"x" * 400}
    others = {"original/a.safetensors": b"x" * 5000, "pytorch_model.bin": b"x" * 999}
    hub.add("Qwen/Qwen2.5", {**weights, **others, "config.json": b"{}"}, card=QWEN)
    repo, found, fit = await puller(2000).facts("Qwen/Qwen2.5")
    assert (repo.architectures, repo.num_parameters, repo.task) == (
        ("Qwen2ForCausalLM",),
        500,
        "text-generation",
    )
    assert found == Weights(format="safetensors", size_bytes=1000)
    assert fit is Fit.FITS
    assert (await puller(1000).facts("Qwen/Qwen2.5"))[2] is Fit.WILL_NOT_FIT


@pytest.mark.parametrize(
    ("files", "weights"),
    [
        ({"pytorch_model.bin": b"x" * 30}, Weights(format="pytorch", size_bytes=30)),
        (
            {"m-Q4_K_M.gguf": b"x" * 7, "m-Q8_0.gguf": b"x" * 9},
            Weights(format="gguf", size_bytes=7),
        ),
        ({"m-Q8_0.gguf": b"x" * 9000}, Weights(format="gguf", size_bytes=9000)),
        ({"README.md": b"x"}, Weights()),
    ],
)
async def test_the_weights_that_would_be_loaded(
    hub: Hub, files: dict[str, bytes], weights: Weights
) -> None:
    hub.add("org/m", files, card={"gguf": {"architecture": "llama", "total": 3}})
    repo, found, fit = await puller(1000).facts("org/m")
    assert found == weights
    assert (repo.architectures, repo.num_parameters) == (("llama",), 3)
    assert (fit is Fit.UNKNOWN) is (not weights.format)


def test_a_search_is_for_one_kind(hub: Hub) -> None:
    hub.add("org/chat", {}, tags=("text-generation",), downloads=5)
    hub.add("org/chat-GGUF", {}, tags=("text-generation", "gguf"), downloads=9)
    assert [one.id for one in hub_api.search("chat", 10)] == ["org/chat-GGUF"]
    found = hub_api.search("chat", 10, kind="text-generation")
    assert [one.id for one in found] == ["org/chat-GGUF", "org/chat"]
