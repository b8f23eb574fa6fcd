"""One model in one engine, from its load to its end.

An instance lives once: a model that was unloaded, or that failed for good, is
loaded again as a new instance. Its life is one task, which alone moves it

    queued -> loading -> ready -> failed -> queued -> ...

until `close` ends that task and takes over: `unloading -> unloaded`. Everybody
else asks `ready()` for the engine instead of looking at the state.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jupyter_llm.errors import EngineDiedError, LLMError, ModelLoadError
from jupyter_llm.manager.arrival import Arrival
from jupyter_llm.manager.decide import as_load_error, refusal
from jupyter_llm.manager.door import Door
from jupyter_llm.manager.holder import EngineHolder
from jupyter_llm.manager.probes import LoadSpec
from jupyter_llm.manager.readiness import Readiness
from jupyter_llm.manager.restarts import Restarts
from jupyter_llm.manager.standing import Standing
from jupyter_llm.manager.turns import Turns
from jupyter_llm.types import MemoryUse, ModelState

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from jupyter_llm.engines.base import Engine
    from jupyter_llm.manager.surroundings import Surroundings
    from jupyter_llm.manager.tickets import Shared
    from jupyter_llm.manager.turns import Turn
    from jupyter_llm.types import EngineStats, LoadOptions, Model, ModelStatus

_GRACE_S = 2.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Failure:
    """Why the model is not served any more; `served_s` is `None` where it never was."""

    error: LLMError
    served_s: float | None = None


class Instance:
    """A model on its way into memory, in it, or on its way out."""

    def __init__(
        self, *, model: Model, engine_name: str, options: LoadOptions, around: Surroundings
    ) -> None:
        self.model = model
        self.engine_name = engine_name
        self.options = options
        self.turns = Turns(
            model.id,
            around.settings.bounds,
            num_slots=lambda: self._num_slots_now,
            listeners=around.listeners,
        )
        self.door = Door(
            self.turns,
            keep_alive_s=around.settings.keep_alive_of(model.id),
            on_expire=self._expire,
            on_departure=around.room.note_change,
        )
        self._around = around
        self._holder = EngineHolder(
            LoadSpec(model=model, engine_name=engine_name, options=options),
            find=around.find,
            probes=around.probes,
            settings=around.settings,
        )
        self._failure: tuple[LLMError, float] | None = None
        self._standing = Standing(
            model,
            read_stats=self._holder.stats,
            count_waiting=lambda: self.turns.queue.num_waiting,
            lifetime=lambda: None if self.is_pinned else self.door.lifetime,
            on_change=around.listeners.on_change,
        )
        self._readiness = Readiness()
        self._arrival = Arrival(self, holder=self._holder, standing=self._standing, around=around)
        settings = around.settings
        self._restarts = Restarts(settings.restart, settings.restart_patience_s)
        self._is_retired = False
        self._life = asyncio.create_task(self._live(), name=f"model {model.id}")
        self._end: asyncio.Task[None] | None = None

    @property
    def status(self) -> ModelStatus:
        """Where the model stands, with its engine's figures while it is ready."""
        return self._standing.status

    @property
    def is_ending(self) -> bool:
        """Whether it is on its way out of memory."""
        return self._end is not None and not self._end.done()

    @property
    def has_failed(self) -> bool:
        """Whether it failed for good: no restart will come."""
        return self._life.done() and not self.is_ending

    @property
    def num_places(self) -> int:
        """Requests that may be inside: those in slots and those that wait."""
        return self._num_slots + self._around.settings.max_queued_requests

    @property
    def is_pinned(self) -> bool:
        """Whether it stays in memory whatever happens."""
        return self._around.settings.is_pinned(self.model.id)

    def refusal(self) -> LLMError | None:
        """Why a request should not have a model loaded again that failed just now."""
        if not self.has_failed or self._failure is None:
            return None
        error, failed_at = self._failure
        cooldown_s = self._around.settings.failed_load_cooldown_s
        return refusal(error, time.monotonic() - failed_at, cooldown_s)

    def entered(self, request: Shared) -> AbstractContextManager[Turn]:
        """Being inside for one request, which may ask for another keep-alive.

        Raises:
            OverloadedError: Too many are inside already.
            TooManyRequestsError: Too many requests of the same user wait.
        """
        return self.door.entered(request, self.num_places)

    def entered_aside(self, keep_alive_s: float | None) -> AbstractContextManager[None]:
        """Being inside without a turn. Raises what `entered` raises."""
        return self.door.entered_aside(self.num_places, keep_alive_s)

    def stats(self) -> EngineStats:
        """The engine's figures, zeros while none serves; who waits here is counted, too."""
        return self._standing.stats()

    async def engine_in(self, turn: Turn) -> Engine:
        """The engine once it serves and the turn of a request has come.

        Raises:
            OverloadedError: The turn did not come in time.
            LLMError: What `ready` raises.
        """
        self._restarts.check(self._standing.error)
        await turn.come()
        return await self.ready()

    async def ready(self) -> Engine:
        """The engine once it serves; a caller that leaves changes nothing.

        Raises:
            LLMError: The load failed, the model was unloaded meanwhile, or its engine
                died and the next restart is too far away (`retry_after_s` says how far).
        """
        self._restarts.check(self._standing.error)
        return await self._readiness.engine()

    async def close(self) -> None:
        """Unload; returns once the memory is free. All callers share one unload.

        Raises:
            EngineDiedError: The engine did not end in time and may keep its memory.
        """
        await asyncio.shield(self.begin_close())

    def retire(self) -> None:
        """Leave memory with the last of those inside, for another model: it may sleep then."""
        self._is_retired = True
        self.door.lifetime.keep_for(0.0)

    def begin_close(self, *, may_sleep: bool = False) -> asyncio.Task[None]:
        """Let nobody in from this moment on; the task ends when the memory is free.

        With `may_sleep` the engine is kept to be woken, if it can be.
        """
        if self._end is None or self._end.done():
            self.door.lifetime.stop()
            unload = self._unload(may_sleep=may_sleep)
            self._end = asyncio.create_task(unload, name=f"unload {self.model.id}")
            self.door.wake()
        return self._end

    @property
    def _num_slots(self) -> int:
        return self.stats().slots or self.options.slots or 1

    @property
    def _num_slots_now(self) -> int:
        return self._num_slots if self._standing.state is ModelState.READY else 0

    def _refuse(self, error: LLMError) -> None:
        """Tell everybody who waits, and who will ask, that there is no engine."""
        self._readiness.refuse(error)
        self.turns.refuse(error)

    async def _live(self) -> None:
        while True:
            failure = await self._serve_once()
            self._standing.become(ModelState.FAILED, error=failure.error.message)
            await self._holder.discard()
            self._standing.note_freed()
            self._around.room.note_change()
            delay_s = self._restarts.plan(failure.served_s)
            if delay_s is None:
                self._failure = failure.error, time.monotonic()
                self._refuse(failure.error)
                return
            log.warning("%s: %s Restart in %.1f s.", self.model.id, failure.error, delay_s)
            self._refuse_the_impatient()
            await self._restarts.due()

    def _refuse_the_impatient(self) -> None:
        """Tell those who wait for a turn, if the restart is too far away for them."""
        try:
            self._restarts.check(self._standing.error)
        except EngineDiedError as error:
            self.turns.refuse(error)

    async def _serve_once(self) -> _Failure:
        """Load and serve, until either fails."""
        ready_at: float | None = None
        try:
            engine, memory = await self._arrival.load()
            ready_at = time.monotonic()
            self._standing.become(ModelState.READY, progress=1.0, memory=memory)
            self._readiness.announce(engine)
            self.turns.give()
            self.door.lifetime.start()
            error: LLMError = await engine.died()
        except LLMError as known:
            error = known
        except Exception as unforeseen:
            log.exception("Loading %s failed", self.model.id)
            error = as_load_error(self.model.id, unforeseen)
        self._readiness.renew()
        served_s = None if ready_at is None else time.monotonic() - ready_at
        return _Failure(error=error, served_s=served_s)

    def _expire(self) -> None:
        """Leave memory, as nobody has come for the keep-alive."""
        if self.is_pinned or self.door.is_busy or self._standing.state is not ModelState.READY:
            return
        log.info("%s was idle for %.0f s.", self.model.id, self.door.lifetime.keep_alive_s)
        end = self.begin_close(may_sleep=self._is_retired)
        end.add_done_callback(_log_failure)

    async def _unload(self, *, may_sleep: bool) -> None:
        self._standing.become(ModelState.UNLOADING)
        self._refuse(ModelLoadError(f"{self.model.id} was unloaded before it was ready."))
        self._life.cancel()
        await asyncio.wait({self._life}, timeout=self._around.settings.unload_timeout_s + _GRACE_S)
        try:
            if not (may_sleep and await self._holder.fall_asleep(self._around.dormitory)):
                await self._holder.unload()
        except EngineDiedError as error:
            self._standing.become(ModelState.FAILED, error=error.message, memory=MemoryUse())
            raise
        self._standing.become(ModelState.UNLOADED, memory=MemoryUse())


def _log_failure(task: asyncio.Task[None]) -> None:
    error = None if task.cancelled() else task.exception()
    if error is not None:
        log.warning("%s", error)
