"""Engines that have left their device and may come back to it, faster than by a load."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jupyter_llm.hardware.kinds import RAM
from jupyter_llm.hardware.need import Need
from jupyter_llm.manager.bounded import within
from jupyter_llm.manager.eviction import Resident
from jupyter_llm.manager.probes import stamps_of

if TYPE_CHECKING:
    from jupyter_llm.engines.base import Engine
    from jupyter_llm.hardware.pool import MemoryPool, Reservation
    from jupyter_llm.manager.probes import LoadSpec, Stamps
    from jupyter_llm.manager.settings import ManagerSettings
    from jupyter_llm.types import MemoryUse

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Sleeper:
    """An engine that sleeps in RAM that `bed` reserves; awake it takes `memory`.

    `stamps` say which files it was loaded from, `since` is in seconds of a steady clock.
    """

    spec: LoadSpec
    engine: Engine
    memory: MemoryUse
    stamps: Stamps
    bed: Reservation
    since: float

    @property
    def num_bytes(self) -> int:
        """What it holds of the RAM: the weights alone."""
        return self.memory.weights_bytes


class Dormitory:
    """Keeps engines that sleep, at most one of each model; to everybody else these are unloaded.

    One leaves when its model is loaded again (`claim`), when its memory or its model is wanted
    (`dismiss`), when nobody comes for the model's keep-alive, or when it dies in its sleep.
    """

    def __init__(self, pool: MemoryPool, settings: ManagerSettings) -> None:
        self._pool = pool
        self._settings = settings
        self._sleepers: dict[str, Sleeper] = {}
        self._ends: dict[str, asyncio.Task[None]] = {}
        self._watches: dict[str, asyncio.Task[None]] = {}

    def residents(self) -> list[Resident]:
        """Them, as those who may leave memory for another model."""
        return [
            Resident(
                id=model_id,
                num_bytes=sleeper.num_bytes,
                last_used_at=sleeper.since,
                is_leaving=model_id in self._ends,
                is_asleep=True,
            )
            for model_id, sleeper in self._sleepers.items()
        ]

    def memory_of(self, spec: LoadSpec) -> MemoryUse | None:
        """What a model that sleeps here will take when it is awake."""
        sleeper = self._sleepers.get(spec.model.id)
        return sleeper.memory if sleeper and sleeper.spec == spec else None

    async def take_in(self, spec: LoadSpec, engine: Engine, memory: MemoryUse) -> bool:
        """Let an idle engine fall asleep, if it can and the RAM has room; says whether it has."""
        if not engine.can_sleep:
            return False
        await self.dismiss(spec.model.id)
        bed = await self._pool.reserve(Need(num_bytes=memory.weights_bytes, kind=RAM))
        if bed is None:
            return False
        sleeper = Sleeper(
            spec=spec,
            engine=engine,
            memory=memory,
            stamps=await asyncio.to_thread(stamps_of, spec),
            bed=bed,
            since=time.monotonic(),
        )
        if await self._falls_asleep(sleeper):
            self._sleepers[spec.model.id] = sleeper
            self._watches[spec.model.id] = asyncio.create_task(self._watch(spec.model.id, engine))
            return True
        await bed.release()
        return False

    async def claim(self, spec: LoadSpec) -> Sleeper | None:
        """Give up the engine that does what `spec` says, to be woken; another one is unloaded."""
        model_id = spec.model.id
        stamps = await asyncio.to_thread(stamps_of, spec)
        sleeper = self._sleepers.get(model_id)
        fits = sleeper is not None and (sleeper.spec, sleeper.stamps) == (spec, stamps)
        if fits and model_id not in self._ends:
            self._watches.pop(model_id).cancel()
            return self._sleepers.pop(model_id)
        await self.dismiss(model_id)
        return None

    async def dismiss(self, model_id: str) -> None:
        """Unload the engine of this model, if one sleeps; returns once its memory is free.

        All callers share one unload.
        """
        if model_id in self._sleepers and model_id not in self._ends:
            self._ends[model_id] = asyncio.create_task(self._end(model_id))
        if end := self._ends.get(model_id):
            await asyncio.shield(end)

    async def close(self) -> None:
        """Unload all, side by side."""
        await asyncio.gather(*(self.dismiss(model_id) for model_id in tuple(self._sleepers)))

    async def _falls_asleep(self, sleeper: Sleeper) -> bool:
        name = sleeper.spec.model.id
        try:
            await within(self._settings.unload_timeout_s, sleeper.engine.sleep(), grace_s=0.0)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is unloaded then
            log.warning("%s does not sleep and is unloaded: %s", name, error)
            return False
        await sleeper.bed.settle(sleeper.num_bytes)
        log.info("%s sleeps", name)
        return True

    async def _end(self, model_id: str) -> None:
        sleeper = self._sleepers[model_id]
        self._watches.pop(model_id).cancel()
        try:
            await within(self._settings.unload_timeout_s, sleeper.engine.unload(), grace_s=0.0)
        except Exception as error:  # noqa: BLE001 - nobody waits for it who could do better
            log.warning("%s did not end properly: %s", model_id, error)
        finally:
            await sleeper.bed.release()
            del self._sleepers[model_id], self._ends[model_id]

    async def _watch(self, model_id: str, engine: Engine) -> None:
        keep_alive_s = self._settings.keep_alive_of(model_id)
        try:
            async with asyncio.timeout(keep_alive_s if math.isfinite(keep_alive_s) else None):
                log.warning("%s died in its sleep: %s", model_id, await engine.died())
        except TimeoutError:
            log.info("%s slept for %.0f s.", model_id, keep_alive_s)
        # in a task of its own, for it ends this one
        await self.dismiss(model_id)
