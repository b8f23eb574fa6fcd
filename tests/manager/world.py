"""Engines on a machine of little memory, and a record of what was asked of their server."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from jupyter_llm.engines.base import Engine, OnProgress
from jupyter_llm.errors import EngineDiedError, ModelLoadError
from jupyter_llm.hardware.cgroup import MemoryLimit
from jupyter_llm.hardware.devices import Reading
from jupyter_llm.hardware.kinds import RAM
from jupyter_llm.types import (
    Device,
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

MODEL_BYTES = 10
TOKENS = ("one ", "two ", "three")
HELD = "hold"
"""The prompt of a request that goes on until the test lets it end."""


@dataclass(kw_only=True)
class Machine:
    """Memory that servers share; `most_bytes` is the most that was ever held at once."""

    total_bytes: int
    used_bytes: int = 0
    most_bytes: int = 0


@dataclass(kw_only=True)
class World:
    """What the engines of one server on a machine share.

    `failing` names the models whose next load fails; `ends` counts, by model, what may cut
    an answer short; `num_loads` is how often memory was taken.
    """

    machine: Machine
    used_bytes: int = 0
    num_loads: int = 0
    failing: set[str] = field(default_factory=set)
    living: dict[str, SizedEngine] = field(default_factory=dict)
    ends: Counter[str] = field(default_factory=Counter)
    released: asyncio.Event = field(default_factory=asyncio.Event)

    def find(self, _name: str) -> Callable[[], Engine]:
        return lambda: SizedEngine(self)

    def read(self) -> Reading:
        """What this server sees of the machine's memory."""
        total, used = self.machine.total_bytes, self.machine.used_bytes
        device = Device(
            id=RAM,
            kind="cpu",
            name="RAM",
            total_bytes=total,
            used_bytes=used,
            own_bytes=self.used_bytes,
        )
        limit = MemoryLimit(limit_bytes=total, used_bytes=used)
        return Reading(devices=(device,), limits=(limit,))

    def break_if_asked(self, model_id: str) -> None:
        if model_id in self.failing:
            self.failing.discard(model_id)
            raise ModelLoadError("It broke.")

    def take(self) -> None:
        self.num_loads += 1
        self.used_bytes += MODEL_BYTES
        self.machine.used_bytes += MODEL_BYTES
        self.machine.most_bytes = max(self.machine.most_bytes, self.machine.used_bytes)

    def give_back(self) -> None:
        self.used_bytes -= MODEL_BYTES
        self.machine.used_bytes -= MODEL_BYTES


class SizedEngine(Engine):
    """Takes ten bytes from the beginning of its load to the end of its unload."""

    name = "sized"

    def __init__(self, world: World) -> None:
        self._world = world
        self._holds = False
        self._is_loaded = False
        self._model_id = ""
        self._death: asyncio.Future[EngineDiedError] = asyncio.Future()

    async def probe(self, *_: object) -> MemoryUse:
        await asyncio.sleep(0)
        return MemoryUse(weights_bytes=MODEL_BYTES)

    async def load(self, model: Model, _options: LoadOptions, on_progress: OnProgress) -> MemoryUse:
        self._model_id = model.id
        self._holds = True
        self._world.take()
        try:
            for part in (0.3, 0.6, 1.0):
                await asyncio.sleep(0.001)
                on_progress(part)
            self._world.break_if_asked(model.id)
        except BaseException:
            self._free()
            raise
        self._is_loaded = True
        self._world.living[model.id] = self
        return MemoryUse(weights_bytes=MODEL_BYTES)

    async def generate(self, request: GenerationRequest) -> AsyncGenerator[TokenChunk, None]:
        for token in TOKENS:
            self._check()
            yield TokenChunk(text=token)
            await asyncio.sleep(0)
        while request.prompt == HELD and not self._world.released.is_set():
            self._check()
            await asyncio.sleep(0.001)
        self._check()
        usage = Usage(prompt_tokens=1, completion_tokens=len(TOKENS))
        yield TokenChunk(text="", finish_reason=FinishReason.STOP, usage=usage)

    async def unload(self) -> None:
        """Memory that goes takes its time to be free."""
        self._is_loaded = False
        if self._world.living.get(self._model_id) is self:
            del self._world.living[self._model_id]
        await asyncio.sleep(0.003)
        self._free()

    def die(self) -> None:
        """End all requests, as a crash does; the memory is free after `unload`."""
        if not self._death.done():
            self._world.ends[self._model_id] += 1
            self._death.set_result(EngineDiedError("Killed by the test."))

    def stats(self) -> EngineStats:
        return EngineStats(slots=4, context_length=64)

    async def died(self) -> EngineDiedError:
        return await asyncio.shield(self._death)

    def _free(self) -> None:
        if self._holds:
            self._holds = False
            self._world.give_back()

    def _check(self) -> None:
        if self._death.done():
            raise self._death.result()
        if not self._is_loaded:
            raise EngineDiedError("Unloaded in the middle.")
