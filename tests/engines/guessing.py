"""What the tests of guessing ahead share: questions, and answers with guesses and without."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import count
from typing import Any

from jupyter_llm.engines.llama_cpp.engine import LlamaCppEngine
from jupyter_llm.types import (
    GenerationRequest,
    LoadOptions,
    Message,
    Model,
    SamplingParams,
    TokenChunk,
)

QUESTIONS = (
    "how do I load a model?",
    "who are you?",
    "what is a slot?",
    "How do I stop an answer?",
)
ids = count()


@asynccontextmanager
async def loaded(model: Model, **options: Any) -> AsyncIterator[LlamaCppEngine]:
    engine = LlamaCppEngine()
    # 16 bits anywhere make of the last bit, which differs by the batch, a thousandth
    wanted = LoadOptions(**{"num_threads": 1, "kv_type": "f32", **options})
    await engine.load(model, wanted, lambda _: None)
    try:
        yield engine
    finally:
        await engine.unload()


def ask(question: str, **sampling: object) -> GenerationRequest:
    params = SamplingParams(**{"temperature": 0, "max_tokens": 120, **sampling})
    messages = (Message(role="user", content=question),)
    return GenerationRequest(
        id=str(next(ids)), model_id="guide", messages=messages, sampling=params
    )


def repeating(text: str) -> GenerationRequest:
    """A prompt whose continuation repeats it."""
    return replace(ask("", ignore_eos=True), messages=None, prompt=text * 4)


async def answers(
    engine: LlamaCppEngine, requests: list[GenerationRequest]
) -> list[list[TokenChunk]]:
    async def answer(request: GenerationRequest) -> list[TokenChunk]:
        return [chunk async for chunk in engine.generate(request)]

    return list(await asyncio.gather(*map(answer, requests)))


def told(chunks: list[TokenChunk]) -> tuple[str, object, object]:
    last = chunks[-1]
    assert last.usage is not None
    text = "".join(chunk.text for chunk in chunks)
    return text, last.finish_reason, last.usage.completion_tokens


async def num_steps(engine: LlamaCppEngine) -> int:
    """The steps so far, once the last one is counted."""
    async with asyncio.timeout(5):
        while engine.stats().num_running or not engine.stats().num_steps:
            await asyncio.sleep(0.001)
    return engine.stats().num_steps


async def both(
    model: Model,
    requests: list[GenerationRequest],
    guessing: Mapping[str, str],
    **options: int,
) -> tuple[list[list[TokenChunk]], list[list[TokenChunk]], int, int]:
    """What comes without and with the options for `guessing`, and the steps that each took."""
    async with loaded(model, **options) as engine:
        plain = await answers(engine, requests)
        num_plain = await num_steps(engine)
    async with loaded(model, **guessing, **options) as engine:
        guessed = await answers(engine, requests)
        num_guessed = await num_steps(engine)
        assert engine.stats().num_completion_tokens >= sum(
            chunks[-1].usage.completion_tokens for chunks in guessed if chunks[-1].usage
        )
    return plain, guessed, num_plain, num_guessed
