"""One engine at a time: made, probed, loaded, and given back in bounded time."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from jupyter_llm.errors import EngineDiedError
from jupyter_llm.manager.bounded import OverdueError, within
from jupyter_llm.manager.draft import with_draft_path
from jupyter_llm.types import EngineStats

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Sequence
    from typing import Any

    from jupyter_llm.engines.base import Engine, OnProgress
    from jupyter_llm.hardware.pool import Reservation
    from jupyter_llm.manager.dormitory import Dormitory, Sleeper
    from jupyter_llm.manager.probes import LoadSpec, Probes
    from jupyter_llm.manager.settings import ManagerSettings
    from jupyter_llm.types import Adapter, MemoryUse, Model

T = TypeVar("T")

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Finders:
    """How names become things.

    `engine` imports an engine and returns what makes one; it is called in a thread.
    `adapter` finds a LoRA adapter, `model` a model and `models` every one that is here.
    """

    engine: Callable[[str], Callable[[], Engine]]
    adapter: Callable[[str], Awaitable[Adapter]]
    model: Callable[[str], Awaitable[Model]]
    models: Callable[[], Awaitable[Sequence[Model]]]


class EngineHolder:
    """Holds the engine that runs what `spec` says; `probes` remembers what models need."""

    def __init__(
        self,
        spec: LoadSpec,
        *,
        find: Finders,
        probes: Probes,
        settings: ManagerSettings,
    ) -> None:
        self.engine: Engine | None = None
        self.spec = spec
        self._find = find
        self._probes = probes
        self._settings = settings
        self._end: asyncio.Task[None] | None = None
        self._reservations: list[Reservation] = []
        self._memory: MemoryUse | None = None

    def stats(self) -> EngineStats:
        """The engine's figures; zeros while there is none."""
        return self.engine.stats() if self.engine else EngineStats()

    async def need(self) -> MemoryUse:
        """What the model will take in memory.

        Raises:
            OverdueError: The probe was not done in time.
            LLMError: What the engine's `probe` raises.
        """
        return await self._within_load_timeout(self._need())

    async def load(
        self, on_progress: OnProgress, reservation: Reservation, dormitory: Dormitory
    ) -> tuple[Engine, MemoryUse]:
        """Bring the model into memory; returns the engine and what it takes there.

        One that sleeps in the dormitory is woken, or ended if it does not wake. The reservation
        is released by `unload` or `discard`, also if the load fails.

        Raises:
            OverdueError: It was not loaded in time.
            LLMError: What the engine's `load` raises.
        """
        self._reservations.append(reservation)
        if sleeper := await dormitory.claim(self.spec):
            # at once: whoever ends this load ends the sleeper
            self.engine = sleeper.engine
            self._reservations.append(sleeper.bed)
        try:
            engine, memory = await self._within_load_timeout(self._load(on_progress, sleeper))
        except Exception:
            self._probes.forget(self.spec.model)
            raise
        await reservation.settle(memory.total_bytes)
        self._memory = memory
        return engine, memory

    async def fall_asleep(self, dormitory: Dormitory) -> bool:
        """Give the engine away to sleep, and its memory back; `False` leaves all as it is."""
        if self.engine is None or self._memory is None:
            return False
        if not await dormitory.take_in(self.spec, self.engine, self._memory):
            return False
        self.engine = None
        await self._release()
        return True

    async def unload(self) -> None:
        """Unload in one task, which goes on when its time is over or its caller leaves.

        Raises:
            EngineDiedError: The engine did not end in time and may keep its memory.
        """
        error = await self._end_engine()
        # what an engine keeps that did not end is seen on the device
        await self._release()
        if error is not None:
            raise EngineDiedError(
                f"The engine of {self.spec.model.id} did not end properly ({error}) and may still "
                "hold memory. Restart the server to get it back."
            ) from error

    async def discard(self) -> None:
        """Give back what a failed engine still holds; there is nobody to tell if it cannot."""
        try:
            await self.unload()
        except EngineDiedError as error:
            log.warning("%s: %s", self.spec.model.id, error)

    async def _end_engine(self) -> BaseException | None:
        """Unload the engine, if there is one; returns why it did not end properly."""
        if self.engine is None:
            return None
        if self._end is None:
            self._end = asyncio.create_task(self.engine.unload())
        timeout_s = self._settings.unload_timeout_s
        done, _ = await asyncio.wait({self._end}, timeout=timeout_s)
        error = self._end.exception() if done else OverdueError(timeout_s)
        self.engine = self._end = None
        return error

    async def _release(self) -> None:
        self._memory = None
        while self._reservations:
            await self._reservations[-1].release()
            self._reservations.pop()

    async def _need(self) -> MemoryUse:
        spec = await self._with_paths()

        async def probe() -> MemoryUse:
            engine = await self._made_engine()
            return await engine.probe(spec.model, spec.options)

        return await self._probes.need(spec, probe)

    async def _load(
        self, on_progress: OnProgress, sleeper: Sleeper | None
    ) -> tuple[Engine, MemoryUse]:
        if sleeper is not None and await self._wakes(sleeper):
            return sleeper.engine, sleeper.memory
        spec, engine = await self._with_paths(), await self._made_engine()
        return engine, await engine.load(spec.model, spec.options, on_progress)

    async def _wakes(self, sleeper: Sleeper) -> bool:
        try:
            await sleeper.engine.wake()
        except Exception as error:  # noqa: BLE001 - whatever it is, a load mends it
            log.warning("%s does not wake and is loaded anew: %s", self.spec.model.id, error)
            await self._end_engine()
            return False
        finally:
            await sleeper.bed.release()
        return True

    async def _with_paths(self) -> LoadSpec:
        """What the engine is told: an adapter is its file, and so is a draft model."""
        options = self.spec.options
        if names := options.adapters:
            paths = tuple([(await self._find.adapter(name)).path for name in names])
            options = replace(options, adapters=paths)
        options = await with_draft_path(self.spec.model, options, self._find.model)
        return replace(self.spec, options=options)

    async def _made_engine(self) -> Engine:
        if self.engine is None:
            make_engine = await asyncio.to_thread(self._find.engine, self.spec.engine_name)
            self.engine = make_engine()
        return self.engine

    async def _within_load_timeout(self, work: Coroutine[Any, Any, T]) -> T:
        grace_s = self._settings.unload_timeout_s
        return await within(self._settings.load_timeout_s, work, grace_s=grace_s)
