"""An engine that does what a test wrote down, also what no engine should do."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jupyter_llm.engines.base import Engine, OnProgress
from jupyter_llm.errors import EngineDiedError
from jupyter_llm.types import (
    EngineStats,
    FinishReason,
    GenerationRequest,
    LoadOptions,
    MemoryUse,
    Model,
    TokenChunk,
    Usage,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """The behaviour of one engine; a `None` never happens.

    A gate is waited for: closed ones stay closed until the test opens them.
    """

    need_bytes: int = 0
    load_gate: asyncio.Event | None = None
    load_error: Exception | None = None
    deaf_in_load: bool = False
    deaf_in_unload: bool = False
    unload_gate: asyncio.Event | None = None
    unload_error: Exception | None = None
    can_sleep: bool = False
    sleep_error: Exception | None = None
    wake_error: Exception | None = None
    wake_gate: asyncio.Event | None = None
    slots: int = 2
    num_tokens: int = 3
    token_gate: asyncio.Event | None = None


class ScriptedEngine(Engine):
    name = "scripted"

    def __init__(self, part: Part) -> None:
        self.part = part
        self.options: LoadOptions | None = None
        self.is_loaded = False
        self.num_loads = 0
        self.num_unloads = 0
        self.num_wakes = 0
        self.num_running = 0
        self.num_requests = 0
        self.watch_error: Exception | None = None
        self._death: asyncio.Future[EngineDiedError] = asyncio.Future()

    def die(self, reason: str = "Killed by the test.") -> None:
        """End all requests, as a crash does."""
        self._death.set_result(EngineDiedError(reason))

    async def probe(self, *_: object) -> MemoryUse:
        return MemoryUse(weights_bytes=self.part.need_bytes)

    async def load(self, _model: Model, options: LoadOptions, on_progress: OnProgress) -> MemoryUse:
        self.num_loads += 1
        self.options = options
        on_progress(0.5)
        if self.part.deaf_in_load:
            await deaf()
        if self.part.load_gate is not None:
            await self.part.load_gate.wait()
        if self.part.load_error is not None:
            raise self.part.load_error
        self.is_loaded = True
        return MemoryUse(weights_bytes=self.part.need_bytes)

    async def generate(self, _request: GenerationRequest) -> AsyncGenerator[TokenChunk, None]:
        self.num_running += 1
        self.num_requests += 1
        try:
            for number in range(self.part.num_tokens):
                yield TokenChunk(text=f"{number} ")
                await self._pause()
            usage = Usage(prompt_tokens=1, completion_tokens=self.part.num_tokens)
            yield TokenChunk(text="", finish_reason=FinishReason.STOP, usage=usage)
        finally:
            self.num_running -= 1

    @property
    def can_sleep(self) -> bool:
        return self.part.can_sleep

    async def sleep(self) -> None:
        if self.part.sleep_error is not None:
            raise self.part.sleep_error
        self.is_loaded = False

    async def wake(self) -> None:
        if self.part.wake_gate is not None:
            await self.part.wake_gate.wait()
        if self.part.wake_error is not None:
            raise self.part.wake_error
        self.num_wakes += 1
        self.is_loaded = True

    async def unload(self) -> None:
        self.num_unloads += 1
        if self.part.deaf_in_unload:
            await deaf()
        if self.part.unload_gate is not None:
            await self.part.unload_gate.wait()
        if self.part.unload_error is not None:
            raise self.part.unload_error
        self.is_loaded = False

    def stats(self) -> EngineStats:
        return EngineStats(slots=self.part.slots, context_length=64)

    async def died(self) -> EngineDiedError:
        reason = await asyncio.shield(self._death)
        if self.watch_error is not None:
            raise self.watch_error
        return reason

    async def _pause(self) -> None:
        while self.part.token_gate is not None and not self.part.token_gate.is_set():
            self._check()
            await asyncio.sleep(0.001)
        await asyncio.sleep(0)
        self._check()

    def _check(self) -> None:
        if self._death.done():
            raise self._death.result()
        if not self.is_loaded:
            raise EngineDiedError("Unloaded in the middle.")


class Troupe:
    """Makes the engines of one test: the first plays the first part, the last part stays."""

    def __init__(self, *parts: Part) -> None:
        self._parts = list(parts) or [Part()]
        self.engines: list[ScriptedEngine] = []
        self.missing: Exception | None = None
        self.names: list[str] = []

    def find(self, name: str) -> Callable[[], Engine]:
        self.names.append(name)
        if self.missing is not None:
            raise self.missing
        return self._make

    def _make(self) -> Engine:
        part = self._parts.pop(0) if len(self._parts) > 1 else self._parts[0]
        self.engines.append(ScriptedEngine(part))
        return self.engines[-1]


async def deaf() -> None:
    """Sleep like a thread that cannot be interrupted: cancellation changes nothing."""
    loop = asyncio.get_running_loop()
    end = loop.time() + 3.0
    while loop.time() < end:
        try:
            await asyncio.sleep(end - loop.time())
        except asyncio.CancelledError:
            continue
