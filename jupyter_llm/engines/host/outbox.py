"""What the child has to tell, gathered so that one step of the engine is one frame."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from jupyter_llm.engines.failure import Failure
from jupyter_llm.engines.host.frames import FromChild, Progress, Step, pack
from jupyter_llm.types import EngineStats, TokenChunk

_STATS_EVERY_S = 0.25
"""The age at which figures are sent again while there is work."""

_PROGRESS_STEP = 0.01


class Outbox:
    """Frames for the server.

    An engine wakes all its requests in one turn of the event loop; the flush is
    called in the next, so whatever they brought travels together.
    """

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._chunks: list[tuple[int, TokenChunk]] = []
        self._ends: list[tuple[int, Failure | None]] = []
        self._is_flush_due = False
        self._progress = 0.0
        self._take_stats: Callable[[], EngineStats] = EngineStats
        self._stats = EngineStats()
        self._stats_sent_at = 0.0
        self._is_active = asyncio.Event()

    def send(self, frame: FromChild) -> None:
        """Send a frame after everything that waits."""
        self._flush()
        self._writer.write(pack(frame))

    def report_progress(self, part: float) -> None:
        """Pass on how far a load is, a hundred times at most."""
        if part - self._progress >= _PROGRESS_STEP or part >= 1:
            self._progress = part
            self.send(Progress(part=part))

    def put(self, stream: int, chunk: TokenChunk) -> None:
        """A chunk of a stream."""
        self._chunks.append((stream, chunk))
        self._schedule()

    def end(self, stream: int, failure: Failure | None) -> None:
        """The end of a stream, after its chunks."""
        self._ends.append((stream, failure))
        self._schedule()

    def expect_work(self) -> None:
        """A request came: the figures will change soon."""
        self._is_active.set()

    async def report_stats(self, take_stats: Callable[[], EngineStats]) -> None:
        """Send the engine's figures as they change, for ever; nothing wakes up while it idles."""
        self._take_stats = take_stats
        while True:
            await self._is_active.wait()
            self._is_active.clear()
            while await self._report_once():
                pass

    async def _report_once(self) -> bool:
        """Wait, send figures that changed; returns whether more are to be expected."""
        await asyncio.sleep(_STATS_EVERY_S)
        has_changed = self._take_stats() != self._stats
        if has_changed:
            self._stats_sent_at = 0.0
            self._flush()
        return has_changed or bool(self._stats.num_running or self._stats.num_waiting)

    def _schedule(self) -> None:
        if not self._is_flush_due:
            self._is_flush_due = True
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        self._is_flush_due = False
        step = Step(chunks=tuple(self._chunks), ends=tuple(self._ends), stats=self._due_stats())
        if step.chunks or step.ends or step.stats:
            self._chunks.clear()
            self._ends.clear()
            self._writer.write(pack(step))

    def _due_stats(self) -> EngineStats | None:
        now = time.monotonic()
        if now - self._stats_sent_at < _STATS_EVERY_S and not self._ends:
            return None
        stats = self._take_stats()
        if stats == self._stats:
            return None
        self._stats, self._stats_sent_at = stats, now
        return stats
