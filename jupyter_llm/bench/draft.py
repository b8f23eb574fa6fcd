"""What a draft model brings and costs: one that is always right, and one that never is.

`guide` guesses for itself, with greedy answers to questions that it knows, so that every
guess is right: the fewest steps that are possible. For the model of the other measurements
one of a single layer guesses; what is drawn from random weights nobody can guess, and what is
left is the price. Each runs with its draft and without, in turns.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from jupyter_llm.engines.llama_cpp.engine import LlamaCppEngine
from jupyter_llm.guide import GUIDE_PATH
from jupyter_llm.types import (
    EngineStats,
    GenerationRequest,
    LoadOptions,
    Message,
    SamplingParams,
)

from .engine import answer, loaded
from .model import HALF_BILLION, write_random_model
from .workload import Workload

STREAMS = (1, 2, 4)
NUM_TOKENS = 96
QUESTIONS = (
    "How do I load a model?",
    "Who are you?",
    "What is a slot?",
    "How do I stop an answer?",
)
SMALL = replace(HALF_BILLION, num_layers=1, width=64, feed_forward=128, num_heads=2)

HEADER = (
    "| model | draft | streams | tokens | steps | without | tokens/s × without |\n"
    "|---|---|---:|---:|---:|---:|---:|"
)


Ask = Callable[[int, int], list[GenerationRequest]]
"""Makes the requests of so many streams in the round of this number."""


@dataclass(frozen=True, slots=True)
class _Run:
    num_tokens: int
    num_steps: int
    elapsed_s: float


Runs = dict[tuple[int, bool], list[_Run]]
"""By the number of streams, and whether there was a draft."""


def measure(model: Path, *, num_rounds: int) -> str:
    """Run both on `model` and on `guide`; returns a table in Markdown."""
    small = model.with_name("random-small-q8_0.gguf")
    if not small.exists():
        write_random_model(small, SMALL)
    known = asyncio.run(_runs(GUIDE_PATH, GUIDE_PATH, _known, num_rounds))
    noise = asyncio.run(_runs(model, small, _noise, num_rounds))
    rows = [*_rows("guide", "itself", known), *_rows("random, 0.5 B", "random, 1 layer", noise)]
    return "\n".join([HEADER, *rows])


def _known(num_streams: int, _number: int) -> list[GenerationRequest]:
    sampling = SamplingParams(temperature=0, max_tokens=NUM_TOKENS)
    return [
        GenerationRequest(
            id="bench",
            model_id="bench",
            messages=(Message(role="user", content=question),),
            sampling=sampling,
        )
        for question in QUESTIONS[:num_streams]
    ]


def _noise(num_streams: int, number: int) -> list[GenerationRequest]:
    workload = Workload(num_streams=num_streams, num_prompt_tokens=16, round=number)
    sampling = SamplingParams(temperature=1, seed=number, max_tokens=NUM_TOKENS, ignore_eos=True)
    return [
        GenerationRequest(id="bench", model_id="bench", prompt=prompt, sampling=sampling)
        for prompt in workload.prompts()
    ]


def _rows(name: str, draft: str, runs: Runs) -> list[str]:
    return [
        f"| {name} | {draft} | {streams} | {runs[streams, True][0].num_tokens} "
        f"| {_steps(runs[streams, True])} | {_steps(runs[streams, False])} "
        f"| {_elapsed_s(runs[streams, False]) / _elapsed_s(runs[streams, True]):.2f} |"
        for streams in STREAMS
    ]


async def _runs(path: Path, draft: Path, ask: Ask, num_rounds: int) -> Runs:
    runs: Runs = defaultdict(list)
    drafting = LoadOptions(draft_model=str(draft))
    async with loaded(path, LoadOptions()) as plain, loaded(path, drafting) as drafted:
        for number in range(num_rounds):
            for streams in STREAMS:
                for engine, has_draft in ((plain, False), (drafted, True)):
                    runs[streams, has_draft].append(await _run(engine, ask(streams, number)))
    return runs


async def _run(engine: LlamaCppEngine, requests: Sequence[GenerationRequest]) -> _Run:
    before, started = engine.stats(), time.perf_counter()
    await asyncio.gather(*(answer(engine, request) for request in requests))
    elapsed_s = time.perf_counter() - started
    after = await _rested(engine)
    return _Run(
        after.num_completion_tokens - before.num_completion_tokens,
        after.num_steps - before.num_steps,
        elapsed_s,
    )


async def _rested(engine: LlamaCppEngine) -> EngineStats:
    """What was counted, once the last step is."""
    for _ in range(10_000):
        if not engine.stats().num_running:
            break
        await asyncio.sleep(0.001)
    return engine.stats()


def _steps(runs: Sequence[_Run]) -> int:
    return int(median(run.num_steps for run in runs))


def _elapsed_s(runs: Sequence[_Run]) -> float:
    return median(run.elapsed_s for run in runs)
