"""A LoRA adapter by name, over HTTP and from the command line's options, on the real engine."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from live import LiveServer

from jupyter_llm.guide import GUIDE_PATH

sys.path.append(str(GUIDE_PATH.parents[2] / "tests" / "engines"))

from tiny_adapter import write_tiny_adapter

if TYPE_CHECKING:
    from collections.abc import Iterator

ASK = {
    "model": "guide",
    "messages": [{"role": "user", "content": "How do I load a model?"}],
    "temperature": 0,
    "max_tokens": 16,
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    folder = tmp_path_factory.mktemp("models")
    write_tiny_adapter(folder / "noise.gguf", strength=10, width=256)
    with LiveServer(f"--LLMExtension.models_dir={folder}") as server:
        yield server


def answer(server: LiveServer) -> str:
    return str(server.json("v1/chat/completions", ASK)["choices"][0]["message"]["content"])


def test_an_adapter_by_name_changes_the_answers_until_the_model_is_loaded_without(
    server: LiveServer,
) -> None:
    bare = answer(server)
    server.json("reload", {"model": "guide", "adapters": ["noise"]})
    assert answer(server) != bare
    server.json("reload", {"model": "guide", "adapters": []})
    assert answer(server) == bare


def test_an_unknown_adapter_is_answered_404_with_close_names(server: LiveServer) -> None:
    error = server.json("reload", {"model": "guide", "adapters": ["noize"]})["error"]
    assert error["param"] == "adapters"
    assert "noise" in error["message"]
