"""What the tests of the MLX engine share: the guide in folders of several kinds."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from jupyter_llm.engines.base import Engine
from jupyter_llm.engines.mlx.engine import MlxEngine
from jupyter_llm.types import (
    GenerationRequest,
    LoadOptions,
    Message,
    Model,
    SamplingParams,
    TokenChunk,
)

FOLDER = Path(__file__).parents[1] / "models" / "guide"
_ids = count()


def need_mlx() -> None:
    if find_spec("mlx_lm") is None:
        assert "CI" not in os.environ
        pytest.skip("MLX is not installed: pip install 'jupyter-llm[mlx]'")


def model_in(folder: Path, **fields: Any) -> Model:
    model = Model(
        id="guide",
        path=str(folder),
        format="safetensors",
        engine="mlx",
        context_length=2048,
        num_kv_values=1024,
        size_bytes=(folder / "model.safetensors").stat().st_size,
    )
    return replace(model, **fields)


@asynccontextmanager
async def loaded(folder: Path, **options: Any) -> AsyncIterator[MlxEngine]:
    engine = MlxEngine()
    await engine.load(model_in(folder), LoadOptions(**options), lambda _: None)
    try:
        yield engine
    finally:
        await engine.unload()


def ask(text: str, **sampling: Any) -> GenerationRequest:
    return GenerationRequest(
        id=f"mlx-{next(_ids)}",
        model_id="guide",
        messages=(Message(role="user", content=text),),
        sampling=SamplingParams(**{"temperature": 0.0, "max_tokens": 40, **sampling}),
    )


def on_from(prompt: str, **sampling: Any) -> GenerationRequest:
    return replace(ask("", **sampling), messages=None, prompt=prompt)


async def answer(engine: Engine, request: GenerationRequest) -> list[TokenChunk]:
    async with asyncio.timeout(60):
        return [chunk async for chunk in engine.generate(request)]


async def text_of(engine: MlxEngine, request: GenerationRequest) -> str:
    return "".join(chunk.text for chunk in await answer(engine, request))


def changed(source: Path, target: Path, name: str, **values: Any) -> Path:
    """A copy of a model's folder in which one JSON file says something else."""
    target.mkdir()
    for file in source.iterdir():
        if file.name != name:
            (target / file.name).symlink_to(file)
    stated = json.loads((source / name).read_text())
    (target / name).write_text(json.dumps({**stated, **values}))
    return target


def write_peft(folder: Path, layers: Iterable[str], *, strength: float, width: int = 256) -> Path:
    """An adapter as the peft package stores it."""
    layers = tuple(layers)
    folder.mkdir()
    draw = np.random.default_rng(0).standard_normal
    tensors = {}
    for layer in layers:
        prefix = f"base_model.model.{layer}"
        tensors[f"{prefix}.lora_A.weight"] = draw((4, 256)).astype(np.float32)
        tensors[f"{prefix}.lora_B.weight"] = (strength * draw((width, 4))).astype(np.float32)
    save_file(tensors, folder / "adapter_model.safetensors")
    config = {
        "peft_type": "LORA",
        "r": 4,
        "lora_alpha": 8,
        "base_model_name_or_path": "guide",
        "target_modules": sorted({layer.rpartition(".")[2] for layer in layers}),
    }
    (folder / "adapter_config.json").write_text(json.dumps(config))
    return folder
