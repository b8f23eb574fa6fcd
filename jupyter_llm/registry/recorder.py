"""Writes down every few seconds what happens in a server: models seen, and their use."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from jupyter_llm.errors import RegistryError
from jupyter_llm.registry.hours import hour_of
from jupyter_llm.registry.notes import Notes, write
from jupyter_llm.types import FinishedRequest, ModelUsage, sums_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from jupyter_llm.registry.database import Registry
    from jupyter_llm.types import Model

MAX_RECENT = 1000

_FLUSH_AFTER_S = 5.0
_RETRY_S = 60.0
_CLOSE_TIMEOUT_S = 3.0
_SEEN_AGAIN_S = 3600.0

log = logging.getLogger(__name__)


class Recorder:
    """Collects in memory and writes in the background; belongs to one event loop.

    A server that is killed loses the last seconds. `on_counted` is told what was added to
    the counts of a model, once it is written. `recent` are the last requests of this server.
    """

    def __init__(self, registry: Registry, on_counted: Callable[[ModelUsage], None]) -> None:
        self._registry = registry
        self._on_counted = on_counted
        self._notes = Notes()
        self.recent: deque[FinishedRequest] = deque(maxlen=MAX_RECENT)
        self._seen: dict[str, tuple[Model, float]] = {}
        self._flush: asyncio.Task[None] | None = None
        self._is_closed = False

    def count(self, model: Model, request: FinishedRequest) -> None:
        """A request to this model has ended."""
        self.recent.append(request)
        self._notes.count(
            ModelUsage(
                model_id=model.id,
                day=datetime.fromtimestamp(request.at, UTC).date().isoformat(),
                num_requests=1,
                num_prompt_tokens=request.num_prompt_tokens,
                num_completion_tokens=request.num_completion_tokens,
            )
        )
        self._notes.count_hour((hour_of(request.at), model.id, request.user), sums_of(request))
        self._note(model, request.at)
        self._begin_flush(_FLUSH_AFTER_S)

    def note_seen(self, models: Iterable[Model]) -> None:
        """These models are here; what was noted within the hour is not noted again."""
        now = time.time()
        for model in models:
            before, at = self._seen.get(model.id, (None, 0.0))
            if model != before or now - at > _SEEN_AGAIN_S:
                self._note(model, now)
        if self._notes:
            self._begin_flush(_FLUSH_AFTER_S)

    def forget(self, model_id: str) -> None:
        """The model was deleted: should it come again, that is news."""
        self._seen.pop(model_id, None)
        self._notes.seen.pop(model_id, None)

    async def close(self) -> None:
        """Write what is left, in bounded time; what is noted from now on is lost."""
        self._is_closed = True
        last: set[asyncio.Task[Any]] = {asyncio.create_task(self._write())}
        if self._flush is not None:
            self._flush.cancel()
            last.add(self._flush)
        await asyncio.wait(last, timeout=_CLOSE_TIMEOUT_S)

    def _note(self, model: Model, at: float) -> None:
        self._seen[model.id] = self._notes.seen[model.id] = model, at

    def _begin_flush(self, delay_s: float) -> None:
        if self._flush is None and not self._is_closed:
            self._flush = asyncio.create_task(self._flush_later(delay_s), name="registry notes")

    async def _flush_later(self, delay_s: float) -> None:
        await asyncio.sleep(delay_s)
        # shielded: closing does not end a write whose outcome would be unknown then
        is_written = await asyncio.shield(asyncio.create_task(self._write()))
        self._flush = None
        if self._notes:
            self._begin_flush(_FLUSH_AFTER_S if is_written else _RETRY_S)

    async def _write(self) -> bool:
        """Write all notes at once or none; says whether it could."""
        notes, self._notes = self._notes, Notes()
        if not notes:
            return True
        try:
            # without a timeout: what may have been written must not be counted twice
            await asyncio.wrap_future(self._registry.submit(partial(write, notes=notes)))
        except RegistryError as error:
            log.warning("The use of models is not written down now: %s", error)
            self._notes.follow(notes)
            return False
        for usage in notes.usage.values():
            self._on_counted(usage)
        return True
