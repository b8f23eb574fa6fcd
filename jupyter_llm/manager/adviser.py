"""Tells whoever wants a model that does not fit what would."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from jupyter_llm.errors import InsufficientMemoryError, LLMError
from jupyter_llm.manager.advice import Candidate, candidates, room_bytes, to_unload
from jupyter_llm.manager.bounded import OverdueError
from jupyter_llm.manager.decide import as_insufficient
from jupyter_llm.manager.holder import EngineHolder
from jupyter_llm.manager.probes import LoadSpec
from jupyter_llm.types import Suggestion

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jupyter_llm.manager.eviction import Resident
    from jupyter_llm.manager.holder import Finders
    from jupyter_llm.manager.probes import Probes
    from jupyter_llm.manager.settings import ManagerSettings
    from jupyter_llm.types import MemoryUse

ADVICE_TIMEOUT_S = 6.0
MAX_PROBES = 4


class NoRoomError(Exception):
    """A model does not fit whatever leaves; the adviser makes an `LLMError` of it."""

    def __init__(self, need: MemoryUse, free_bytes: int, residents: Sequence[Resident]) -> None:
        super().__init__(f"{need.total_bytes} bytes are needed, {free_bytes} are free")
        self.need = need
        self.free_bytes = free_bytes
        self.residents = residents


class Adviser:
    """Tries other ways to load a model, as the load itself would be tried.

    Advice takes `ADVICE_TIMEOUT_S` and `MAX_PROBES` at most.
    """

    def __init__(self, *, find: Finders, probes: Probes, settings: ManagerSettings) -> None:
        self._find = find
        self._probes = probes
        self._settings = settings

    async def insufficient(self, spec: LoadSpec, shortage: NoRoomError) -> InsufficientMemoryError:
        """The error that a caller gets, with everything found in time that would fit."""
        found: list[Suggestion] = []
        with suppress(TimeoutError):
            async with asyncio.timeout(ADVICE_TIMEOUT_S):
                await self._collect(spec, shortage, found)
        return as_insufficient(spec.model, shortage.need, shortage.free_bytes, found)

    async def _collect(
        self, spec: LoadSpec, shortage: NoRoomError, found: list[Suggestion]
    ) -> None:
        room = room_bytes(shortage.free_bytes, shortage.residents)
        leaving = to_unload(shortage.need.total_bytes, room, shortage.residents)
        if leaving:
            found.append(
                Suggestion(
                    model=spec.model.id, need_bytes=shortage.need.total_bytes, unload=leaving
                )
            )
        wanted = Candidate(model=spec.model, options=spec.options, changes={})
        ways = candidates(wanted, shortage.need, room, await self._find.models())
        for one in ways[:MAX_PROBES]:
            need_bytes = await self._need_bytes(one, spec.engine_name)
            if need_bytes is not None and need_bytes <= room:
                found.append(
                    Suggestion(model=one.model.id, need_bytes=need_bytes, options=one.changes)
                )

    async def _need_bytes(self, one: Candidate, engine_name: str) -> int | None:
        """What a probe says it takes; `None` for what would not load at all."""
        spec = LoadSpec(model=one.model, engine_name=engine_name, options=one.options)
        holder = EngineHolder(spec, find=self._find, probes=self._probes, settings=self._settings)
        try:
            return (await holder.need()).total_bytes
        except (LLMError, OverdueError):
            return None
        finally:
            await holder.discard()
