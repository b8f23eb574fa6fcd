"""An engine of another package: it says what it was told, louder."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from jupyter_llm.engines.base import Engine, OnProgress
from jupyter_llm.errors import EngineDiedError
from jupyter_llm.types import (
    EngineStats,
    FinishReason,
    GenerationRequest,
    LoadOptions,
    MemoryUse,
    Model,
    Timings,
    TokenChunk,
    Usage,
)


class ShoutingEngine(Engine):
    name = "shouting"

    def __init__(self) -> None:
        self._stats = EngineStats()

    async def load(self, model: Model, options: LoadOptions, on_progress: OnProgress) -> MemoryUse:
        self._stats = EngineStats(slots=options.slots or 4, context_length=model.context_length)
        on_progress(1.0)
        return MemoryUse()

    async def generate(self, request: GenerationRequest) -> AsyncGenerator[TokenChunk, None]:
        words = (request.messages or ())[-1].content.split()
        for word in words:
            await asyncio.sleep(0)
            yield TokenChunk(text=f"{word.upper()} ")
        yield TokenChunk(
            text="",
            finish_reason=FinishReason.STOP,
            usage=Usage(prompt_tokens=len(words), completion_tokens=len(words)),
            timings=Timings(),
        )

    async def unload(self) -> None:
        self._stats = EngineStats()

    def stats(self) -> EngineStats:
        return self._stats

    async def died(self) -> EngineDiedError:
        return await asyncio.get_running_loop().create_future()
