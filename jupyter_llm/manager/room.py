"""Room in memory for one more model: what is free, and who leaves or is waited for."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from jupyter_llm.engines import select
from jupyter_llm.errors import OverloadedError
from jupyter_llm.hardware.kinds import RAM
from jupyter_llm.hardware.need import Need
from jupyter_llm.manager.adviser import NoRoomError
from jupyter_llm.manager.decide import gibibytes
from jupyter_llm.manager.eviction import Resident, plan_room
from jupyter_llm.types import ModelState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from jupyter_llm.hardware.pool import MemoryPool, Reservation
    from jupyter_llm.manager.dormitory import Dormitory
    from jupyter_llm.manager.instance import Instance
    from jupyter_llm.manager.settings import ManagerSettings
    from jupyter_llm.types import MemoryUse

_LOOK_AGAIN_S = 1.0
"""Memory can become free without our doing, so a wait looks again after this time."""

_RETRY_S = 10.0

_LEAVING = {ModelState.UNLOADING, ModelState.FAILED}
"""What a failed model holds is being given back."""


class Room:
    """Decides for one manager whether a model may load, and makes room for it.

    `instances` lists those that live; `pool` is the memory that they are loaded into, and where
    those of `dormitory` sleep.
    """

    def __init__(
        self,
        *,
        settings: ManagerSettings,
        pool: MemoryPool,
        dormitory: Dormitory,
        instances: Callable[[], Iterable[Instance]],
    ) -> None:
        self._settings = settings
        self._pool = pool
        self._dormitory = dormitory
        self._instances = instances
        self._changed = asyncio.Event()

    async def make(
        self, instance: Instance, need: MemoryUse, *, waited_s: float
    ) -> Reservation | None:
        """Make room for `instance` and keep it free for its load; `None` if there is none now.

        To be called by one load at a time. With `None` the caller lets other loads go
        first and asks again after `changed`.

        Raises:
            NoRoomError: There never will be room.
            OverloadedError: Busy models hold the memory, and have for too long.
        """
        wish = await asyncio.to_thread(_wish, instance, need)
        while True:
            sleepers = self._sleepers(instance, wish)
            free = await self._free_bytes(wish, sleepers)
            others = {other.model.id: other for other in self._instances() if other is not instance}
            residents = [*map(_resident, others.values()), *sleepers]
            plan = plan_room(
                need.total_bytes,
                free,
                residents,
                waited_s=waited_s,
                policy=self._settings.eviction,
            )
            if plan.is_hopeless:
                raise NoRoomError(need, free, residents)
            if plan.is_overdue:
                raise _overdue(instance, need, free)
            for name in plan.drain:
                others[name].door.drain(instance.model.id)
            if plan.fits:
                # another server of this machine may have been faster
                return await self._pool.reserve(wish)
            if not plan.evict:
                return None
            # at once, before anybody can enter one that is idle now
            ends = [self._end_of(name, others, wish) for name in plan.evict]
            # not gather, which would end them when this load is ended
            await asyncio.wait(ends)

    def leave(self, instance: Instance) -> None:
        """The load of `instance` is over: whoever was drained for it is open again."""
        for other in self._instances():
            other.door.reopen(instance.model.id)

    def note_change(self) -> None:
        """Wake whoever waits: a model became idle, or left."""
        self._changed.set()

    async def changed(self) -> None:
        """Wait until something has changed, or might have."""
        self._changed.clear()
        with suppress(TimeoutError):
            # not wait_for, which in Python 3.11 ignores a cancellation that comes with the change
            async with asyncio.timeout(_LOOK_AGAIN_S):
                await self._changed.wait()

    async def _free_bytes(self, wish: Need, sleepers: Iterable[Resident]) -> int:
        free = await self._pool.free_bytes(wish)
        budget = self._settings.memory_budget_bytes
        held = sum(other.status.memory.total_bytes for other in self._instances())
        held += sum(sleeper.num_bytes for sleeper in sleepers)
        return min(free, budget - held) if budget else free

    def _sleepers(self, instance: Instance, wish: Need) -> list[Resident]:
        """Those that hold what is wished for: RAM, or a part of the budget."""
        found = self._dormitory.residents()
        if wish.kind == RAM:
            return found
        # the budget counts what a model takes awake that is to be woken
        others = [sleeper for sleeper in found if sleeper.id != instance.model.id]
        return others if self._settings.memory_budget_bytes else []

    def _end_of(self, name: str, others: Mapping[str, Instance], wish: Need) -> asyncio.Task[None]:
        """Begin to take a model out of memory; one that is not in the way asleep may sleep."""
        if name not in others:
            return asyncio.create_task(self._dormitory.dismiss(name))
        return others[name].begin_close(may_sleep=wish.kind != RAM)


def _wish(instance: Instance, need: MemoryUse) -> Need:
    """Where the model is to lie, as the build of its engine and its options say."""
    on_gpu = instance.options.num_gpu_layers != 0
    kind = select.device_of(instance.engine_name) if on_gpu else "cpu"
    return Need(num_bytes=need.total_bytes, kind=kind, path=instance.model.path)


def _resident(instance: Instance) -> Resident:
    status = instance.status
    return Resident(
        id=instance.model.id,
        num_bytes=status.memory.total_bytes,
        last_used_at=instance.door.lifetime.last_used_at,
        is_busy=instance.door.is_busy,
        is_pinned=instance.is_pinned,
        is_leaving=status.state in _LEAVING,
    )


def _overdue(instance: Instance, need: MemoryUse, free_bytes: int) -> OverloadedError:
    return OverloadedError(
        f"{instance.model.id} needs {gibibytes(need.total_bytes)}, {gibibytes(free_bytes)} is "
        "free, and the models that hold the rest are busy. Try again later, or unload one of them.",
        retry_after_s=_RETRY_S,
    )
