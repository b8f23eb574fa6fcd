"""Engines that read the same 32-bit weights choose the same tokens."""

from __future__ import annotations

import asyncio
import os
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from guide_float32 import write_folder, write_gguf

from jupyter_llm.engines.select import find_engine
from jupyter_llm.types import (
    GenerationRequest,
    LoadOptions,
    Message,
    Model,
    SamplingParams,
    TokenAlternative,
)

if TYPE_CHECKING:
    from jupyter_llm.engines.base import Engine

HELDOUT = Path(__file__).parents[1] / "guide" / "heldout.yaml"
NUM_PROMPTS = 50
NUM_TOKENS = 64


def questions() -> list[str]:
    """Some of each intent, until there are enough."""
    intents = yaml.safe_load(HELDOUT.read_text(encoding="utf-8"))
    del intents["subjects"]
    rounds = (group[n] for n in range(10) for group in intents.values() if n < len(group))
    return [question for question, _ in zip(rounds, range(NUM_PROMPTS), strict=False)]


def asked(question: str) -> GenerationRequest:
    return GenerationRequest(
        id=question,
        model_id="guide",
        messages=(Message(role="user", content=question),),
        sampling=SamplingParams(
            temperature=0, max_tokens=NUM_TOKENS, ignore_eos=True, num_top_logprobs=0
        ),
    )


async def tokens_of(engine: Engine, text: str) -> list[TokenAlternative]:
    return [one.chosen async for chunk in engine.generate(asked(text)) for one in chunk.logprobs]


async def chosen(
    engine: Engine, model: Model, options: LoadOptions
) -> list[list[TokenAlternative]]:
    """The tokens of the greedy answer to each question."""
    await engine.load(model, options, lambda _: None)
    try:
        return await asyncio.gather(*(tokens_of(engine, text) for text in questions()))
    finally:
        await engine.unload()


@pytest.mark.parametrize(
    ("name", "module"),
    [
        ("mlx", "mlx_lm"),
        pytest.param("vllm", "vllm", marks=(pytest.mark.vllm, pytest.mark.timeout(400))),
    ],
)
async def test_it_and_llama_cpp_choose_the_same_tokens(
    name: str, module: str, tmp_path: Path
) -> None:
    if find_spec(module) is None:
        assert "CI" not in os.environ
        pytest.skip(f"{module} is not installed: pip install 'jupyter-llm[{name}]'")
    file, folder = write_gguf(tmp_path / "guide.gguf"), write_folder(tmp_path / "guide")
    by_llama_cpp = await chosen(
        find_engine("llama_cpp")(),
        Model(id="guide", path=str(file), format="gguf", engine="llama_cpp", context_length=2048),
        LoadOptions(kv_type="f32", num_threads=1),
    )
    by_it = await chosen(
        find_engine(name)(),
        Model(
            id="guide",
            path=str(folder),
            format="safetensors",
            engine=name,
            context_length=2048,
            num_kv_values=1024,
        ),
        LoadOptions(num_threads=1),
    )
    assert len(by_it) == len(by_llama_cpp) == NUM_PROMPTS
    for ours, theirs in zip(by_it, by_llama_cpp, strict=True):
        assert len(ours) == NUM_TOKENS
        assert [one.text_bytes for one in ours] == [one.text_bytes for one in theirs]
