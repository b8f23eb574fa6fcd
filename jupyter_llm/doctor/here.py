"""This environment, where no server runs: each engine is tried in a process of its own."""

from __future__ import annotations

import asyncio
import platform
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from jupyter_llm._version import __version__
from jupyter_llm.doctor.checkup import NUM_TOKENS, QUESTION, Checkup, Trial
from jupyter_llm.engines import select
from jupyter_llm.errors import LLMError
from jupyter_llm.guide import GUIDE_PATH
from jupyter_llm.hardware.pool import MemoryPool
from jupyter_llm.library.catalogue import ECHO, Catalogue
from jupyter_llm.types import GenerationRequest, LoadOptions, Message, SamplingParams

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jupyter_llm.engines.select import EngineInfo
    from jupyter_llm.types import Model

TRIAL_TIMEOUT_S = 60.0


def examine(place: str) -> Checkup:
    """Look at what is installed and try what can be tried."""
    engines = select.backends()
    survey = MemoryPool().survey()
    return Checkup(
        place=place,
        versions=versions(__version__),
        engines=engines,
        devices=survey.devices,
        hints=[reason for reason in (survey.gpu_reason,) if reason],
        trials=asyncio.run(_trials(engines)),
    )


def versions(own: str) -> list[str]:
    """What bug reports ask for."""
    return [f"jupyter-llm {own}", f"Python {platform.python_version()}", select.this_platform()]


async def _trials(engines: Sequence[EngineInfo]) -> list[Trial]:
    models = [ECHO, await Catalogue((), None).resolve(str(GUIDE_PATH)), *select.built_in_models()]
    # the first that each engine can run
    firsts = {
        engine.name: replace(model, engine=engine.name)
        for engine in engines
        if engine.installed
        for model in reversed(models)
        if model.format in engine.formats
    }
    return [await _try(model) for model in firsts.values()]


async def _try(model: Model) -> Trial:
    try:
        async with asyncio.timeout(TRIAL_TIMEOUT_S):
            return await _run(model)
    except LLMError as error:
        return Trial(model=model.id, engine=model.engine, error=error.message)
    except TimeoutError:
        error_text = f"There was no answer within {TRIAL_TIMEOUT_S:.0f} s."
        return Trial(model=model.id, engine=model.engine, error=error_text)


async def _run(model: Model) -> Trial:
    engine = select.find_engine(model.engine, isolation="process")()
    try:
        await engine.load(model, LoadOptions(), lambda _part: None)
        request = GenerationRequest(
            id="doctor",
            model_id=model.id,
            messages=(Message(role="user", content=QUESTION),),
            sampling=SamplingParams(temperature=0, max_tokens=NUM_TOKENS, ignore_eos=True),
        )
        began_at, times, usage = time.perf_counter(), [], None
        async for chunk in engine.generate(request):
            times.append(time.perf_counter() - began_at)
            usage = chunk.usage
    finally:
        await engine.unload()
    return Trial.of(model, times, usage)
