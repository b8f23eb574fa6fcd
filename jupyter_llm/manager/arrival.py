"""The way of a model into memory: in turn with others, when there is room."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from jupyter_llm.manager.adviser import NoRoomError
from jupyter_llm.types import ModelState

if TYPE_CHECKING:
    from jupyter_llm.engines.base import Engine
    from jupyter_llm.manager.holder import EngineHolder
    from jupyter_llm.manager.instance import Instance
    from jupyter_llm.manager.standing import Standing
    from jupyter_llm.manager.surroundings import Surroundings
    from jupyter_llm.types import MemoryUse


class Arrival:
    """Brings the engine of `instance` into `holder`, and says in `standing` how far it is."""

    def __init__(
        self,
        instance: Instance,
        *,
        holder: EngineHolder,
        standing: Standing,
        around: Surroundings,
    ) -> None:
        self._instance = instance
        self._holder = holder
        self._standing = standing
        self._around = around

    async def load(self) -> tuple[Engine, MemoryUse]:
        """Bring the model into memory; where it does not fit, say what would.

        Raises:
            InsufficientMemoryError: It never will fit.
            OverloadedError: Busy models hold the memory, and have for too long.
            LLMError: What the engine's `probe` and `load` raise.
        """
        try:
            return await self._load_in_turn()
        except NoRoomError as shortage:
            raise await self._around.adviser.insufficient(self._holder.spec, shortage) from None

    async def _load_in_turn(self) -> tuple[Engine, MemoryUse]:
        since = time.monotonic()
        self._standing.become(ModelState.QUEUED)
        try:
            while True:
                async with self._around.load_turn:
                    self._standing.become(ModelState.LOADING)
                    if loaded := await self._try(time.monotonic() - since):
                        return loaded
                # others may load meanwhile: what they need may be there
                self._standing.become(ModelState.QUEUED)
                await self._around.room.changed()
        finally:
            self._around.room.leave(self._instance)

    async def _try(self, waited_s: float) -> tuple[Engine, MemoryUse] | None:
        """Load, unless there is no room yet; what a failed load still holds is given back."""
        try:
            dormitory, spec = self._around.dormitory, self._holder.spec
            need = dormitory.memory_of(spec) or await self._holder.need()
            reservation = await self._around.room.make(self._instance, need, waited_s=waited_s)
            if reservation is None:
                return None
            return await self._holder.load(self._standing.note_progress, reservation, dormitory)
        except Exception:
            await self._holder.discard()
            raise
