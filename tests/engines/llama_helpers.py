"""What the tests of llama.cpp's probe and of its hosted engine share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from host_helpers import collect
from tiny_gguf import CONTEXT_LENGTH

from jupyter_llm.engines.host.engine import HostedEngine
from jupyter_llm.errors import LLMError
from jupyter_llm.types import GenerationRequest, LoadOptions, Model, SamplingParams


def gguf_model(path: Path) -> Model:
    return Model(
        id=path.stem,
        path=str(path),
        format="gguf",
        engine="llama_cpp",
        context_length=CONTEXT_LENGTH,
    )


def continue_text(prompt: str, **sampling: Any) -> GenerationRequest:
    return GenerationRequest(
        id="1", model_id="tiny", prompt=prompt, sampling=SamplingParams(**sampling)
    )


async def trouble_with(path: Path) -> str:
    """Load a model for real and generate with it, in a child; what goes wrong, or nothing."""
    engine = HostedEngine("llama_cpp")
    requests = [
        continue_text("the world, 12 🐘", max_tokens=20, seed=1, num_top_logprobs=2),
        continue_text("in", max_tokens=5, temperature=0.0, stop=("never",)),
    ]
    try:
        await engine.load(gguf_model(path), LoadOptions(), lambda _part: None)
        for request in requests:
            await collect(engine, request)
    except LLMError as error:
        return error.message
    finally:
        await engine.unload()
    return ""
