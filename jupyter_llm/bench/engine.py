"""The engine with no server around it, in this process or in one of its own.

`python -m jupyter_llm.bench.engine MODEL STREAMS ROUND` prints one JSON line. What HTTP
costs is what is missing to these figures.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path

from jupyter_llm.engines.llama_cpp.engine import LlamaCppEngine
from jupyter_llm.types import GenerationRequest, LoadOptions, Model, SamplingParams

from .load import Figures, figures
from .servers import CONTEXT_LENGTH, OPTIONS
from .workload import TEMPERATURE, TOP_K, TOP_P, Workload


@asynccontextmanager
async def loaded(path: Path, options: LoadOptions) -> AsyncIterator[LlamaCppEngine]:
    """An engine with the model in `path`."""
    model = Model(
        id="bench",
        path=str(path),
        format="gguf",
        engine="llama_cpp",
        context_length=CONTEXT_LENGTH,
    )
    engine = LlamaCppEngine()
    await engine.load(model, options, lambda _part: None)
    try:
        yield engine
    finally:
        await engine.unload()


def requests(workload: Workload) -> list[GenerationRequest]:
    """What `workload` asks of a server over HTTP."""
    sampling = SamplingParams(
        temperature=TEMPERATURE,
        top_k=TOP_K,
        top_p=TOP_P,
        seed=1,
        max_tokens=workload.num_answer_tokens,
        ignore_eos=True,
    )
    return [
        GenerationRequest(id="bench", model_id="bench", prompt=prompt, sampling=sampling)
        for prompt in workload.prompts()
    ]


async def answer(engine: LlamaCppEngine, request: GenerationRequest) -> list[float]:
    """Times of the chunks of one answer since it was asked for, in seconds."""
    started = time.perf_counter()
    return [time.perf_counter() - started async for _chunk in engine.generate(request)]


async def _run(path: Path, workload: Workload) -> Figures:
    async with loaded(path, OPTIONS) as engine:
        for request in requests(Workload(num_streams=1, num_answer_tokens=4, round=-1)):
            await answer(engine, request)
        started = time.perf_counter()
        streams = await asyncio.gather(*(answer(engine, request) for request in requests(workload)))
        return figures(workload, streams, time.perf_counter() - started)


def main() -> None:
    """Run one workload and print its figures as JSON."""
    path, num_streams, number = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    measured = asyncio.run(_run(path, Workload(num_streams=num_streams, round=number)))
    sys.stdout.write(json.dumps(asdict(measured)) + "\n")


if __name__ == "__main__":
    main()
