"""What the contract does not ask of vLLM: adapters, vectors, scores of prompts, what it refuses."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from contract import GUIDE_FOLDER
from guide_float32 import write_folder
from mlx_stage import answer, ask, changed, loaded, model_in, on_from, write_peft

from jupyter_llm.engines.base import Engine
from jupyter_llm.engines.vllm.engine import VllmEngine
from jupyter_llm.engines.vllm.server_engine import VllmServerEngine
from jupyter_llm.errors import (
    ContextLengthError,
    EngineDiedError,
    InvalidRequestError,
    ModelFileError,
)
from jupyter_llm.types import (
    Constraint,
    ConstraintKind,
    EmbeddingRequest,
    FinishReason,
    LoadOptions,
    SamplingParams,
    TokenChunk,
    TokenLogprob,
)

QUESTION = "How do I load a model?"
LAYERS = [f"model.layers.{n}.self_attn.q_proj" for n in range(4)]

pytestmark = [pytest.mark.vllm, pytest.mark.timeout(300)]


@pytest.fixture(autouse=True)
def need_vllm() -> None:
    if find_spec("vllm") is None:
        assert "CI" not in os.environ
        pytest.skip("vLLM is not installed: make test-vllm")


@asynccontextmanager
async def in_vllm(
    folder: Path,
    modalities: tuple[str, ...] = ("text",),
    make: Callable[[], VllmEngine] = VllmEngine,
    **options: Any,
) -> AsyncIterator[VllmEngine]:
    engine = make()
    model = replace(model_in(folder), engine="vllm", modalities=modalities)
    try:
        await engine.load(model, LoadOptions(num_threads=1, **options), lambda _: None)
        yield engine
    finally:
        await engine.unload()


async def test_with_an_adapter_it_answers_and_scores_as_mlx_does(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "guide")
    adapter = str(write_peft(tmp_path / "lora", LAYERS, strength=0.3))
    async with loaded(folder) as plain:
        without = await answer(plain, ask(QUESTION))
    async with loaded(folder, adapters=(adapter,)) as mlx:
        expected = await seen(mlx)
    async with in_vllm(folder, adapters=(adapter,)) as engine:
        found = await seen(engine)
        # on a processor nothing moves, but vLLM stops and goes on
        assert not engine.can_sleep
        await engine.sleep()
        await engine.wake()
        compare(await seen(engine), expected)
    compare(found, expected)
    assert "".join(one.text for one in found[0]) != "".join(one.text for one in without)


def compare(found: list[list[TokenChunk]], expected: list[list[TokenChunk]]) -> None:
    for ours, theirs in zip(found, expected, strict=True):
        assert "".join(one.text for one in ours) == "".join(one.text for one in theirs)
        assert ours[-1].finish_reason == theirs[-1].finish_reason
        np.testing.assert_allclose(logprobs(ours), logprobs(theirs), atol=1e-3)


async def seen(engine: Engine) -> list[list[TokenChunk]]:
    """An answer with scores, a prompt's scores alone, and those before an answer."""
    prompt = on_from("Load a model and ask it", num_top_logprobs=2)
    alone = replace(prompt, echo=True, sampling=replace(prompt.sampling, max_tokens=0))
    return [
        await answer(engine, ask(QUESTION, num_top_logprobs=2)),
        await answer(engine, alone),
        await answer(engine, replace(prompt, echo=True)),
    ]


def logprobs(chunks: list[TokenChunk]) -> list[float]:
    found: list[TokenLogprob] = [one for chunk in chunks for one in chunk.logprobs]
    assert found
    tokens = [token for one in found for token in (one.chosen, *one.top)]
    return [token.logprob for token in tokens if token.logprob is not None]


async def test_an_embedding_model_gives_vectors_and_writes_nothing() -> None:
    texts = ("How do I load a model?", "Loading models", "x" * 30)
    async with in_vllm(GUIDE_FOLDER, ("embedding",)) as engine:
        together = await engine.embed(asking(*texts))
        alone = [await engine.embed(asking(text)) for text in texts]
        assert together.usage.prompt_tokens == sum(one.usage.prompt_tokens for one in alone)
        for whole, one in zip(together.vectors, alone, strict=True):
            vector = np.frombuffer(whole, "<f4")
            assert vector.shape == (256,)
            assert abs(float(np.linalg.norm(vector)) - 1) < 1e-4
            np.testing.assert_allclose(vector, np.frombuffer(one.vectors[0], "<f4"), atol=1e-2)
        with pytest.raises(ContextLengthError, match="2048"):
            await engine.embed(asking("long " * 3000))
        with pytest.raises(InvalidRequestError, match="vectors"):
            await anext(engine.generate(ask(QUESTION)))


def asking(*texts: str) -> EmbeddingRequest:
    return EmbeddingRequest(id="e", model_id="guide", inputs=texts)


async def test_what_vllm_does_not_know_is_refused_before_a_process_starts(tmp_path: Path) -> None:
    odd = await asyncio.to_thread(
        changed,
        GUIDE_FOLDER,
        tmp_path / "odd",
        "config.json",
        architectures=["NobodyForCausalLM"],
        model_type="nobody",
    )
    with pytest.raises(ModelFileError, match="vLLM cannot load the model"):
        async with in_vllm(odd):
            pass
    (tmp_path / "lora").mkdir()
    with pytest.raises(ModelFileError) as refused:
        async with in_vllm(GUIDE_FOLDER, adapters=(str(tmp_path / "lora"),)):
            pass
    assert refused.value.param == "adapters"


async def test_vllm_in_another_environment_does_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTER_LLM_VLLM_PYTHON", sys.executable)
    folder = write_folder(tmp_path / "guide")
    form = Constraint(kind=ConstraintKind.REGEX, text="(cat|dog)-[0-9]{2}")
    async with loaded(folder) as mlx:
        expected = await seen(mlx)
    async with in_vllm(folder, make=VllmServerEngine, slots=4) as engine:
        compare(await seen(engine), expected)
        formed = await answer(engine, replace(ask(QUESTION), constraint=form))
        assert re.fullmatch(form.text, "".join(one.text for one in formed))
        whole = replace(ask(QUESTION), sampling=SamplingParams(temperature=0))
        last = (await answer(engine, whole))[-1]
        assert last.finish_reason is FinishReason.STOP
        endless = [engine.generate(ask(f"{n}?", max_tokens=1500, ignore_eos=True)) for n in "12"]
        for stream in endless:
            await anext(stream)
        await endless[0].aclose()
        (server,) = (
            child for child in psutil.Process().children() if "--uds" in " ".join(child.cmdline())
        )
        inside = server.children(recursive=True)
        server.kill()
        with pytest.raises(EngineDiedError):
            async for _ in endless[1]:
                pass
        async with asyncio.timeout(10):
            assert "vLLM's process ended" in (await engine.died()).message
    assert inside
    assert not psutil.wait_procs(inside, timeout=10)[1]
