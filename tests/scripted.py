"""An engine that does what a test tells it to, and tells what has become of its requests."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from jupyter_llm.engines.base import Engine, OnProgress
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

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from jupyter_llm.errors import EngineDiedError


@dataclass
class Script:
    """What the engine is to do, and what it has seen.

    `prefill`, `decode`, `loading` and `unloading` hold everything up while they are
    clear: before the first token, between tokens, in a load, in an unload. `error`
    is raised after the tokens.
    """

    tokens: tuple[str, ...] = ("one", " two", " three")
    error: Exception | None = None
    requests: list[GenerationRequest] = field(default_factory=list)
    num_running: int = 0
    num_closed_early: int = 0
    load_options: LoadOptions | None = None

    def __post_init__(self) -> None:
        self.prefill, self.decode = asyncio.Event(), asyncio.Event()
        self.loading, self.unloading = asyncio.Event(), asyncio.Event()
        for gate in (self.prefill, self.decode, self.loading, self.unloading):
            gate.set()

    async def until_running(self, num_running: int) -> None:
        """Wait until this many requests are in the engine."""
        async with asyncio.timeout(10):
            while self.num_running != num_running:
                await asyncio.sleep(0.01)


class ScriptedEngine(Engine):
    """Follows a script, which may be changed while it runs."""

    name = "scripted"

    def __init__(self, script: Script) -> None:
        self._script = script

    async def load(
        self, _model: Model, options: LoadOptions, _on_progress: OnProgress
    ) -> MemoryUse:
        await self._script.loading.wait()
        self._script.load_options = options
        return MemoryUse(weights_bytes=1024)

    async def generate(self, request: GenerationRequest) -> AsyncGenerator[TokenChunk, None]:
        script = self._script
        script.requests.append(request)
        script.num_running += 1
        script.num_closed_early += 1
        try:
            await script.prefill.wait()
            for token in script.tokens:
                yield TokenChunk(text=token)
                await script.decode.wait()
            if script.error is not None:
                raise script.error
            usage = Usage(prompt_tokens=5, completion_tokens=len(script.tokens), cached_tokens=2)
            script.num_closed_early -= 1
            yield TokenChunk(
                text="", finish_reason=FinishReason.STOP, usage=usage, timings=Timings()
            )
        finally:
            script.num_running -= 1

    async def unload(self) -> None:
        await self._script.unloading.wait()

    def stats(self) -> EngineStats:
        return replace(EngineStats(slots=2), num_running=self._script.num_running)

    async def died(self) -> EngineDiedError:
        return await asyncio.get_running_loop().create_future()
