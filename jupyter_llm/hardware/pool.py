"""The memory that models are loaded into, shared with every other server of the machine."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, TypeVar

from jupyter_llm.hardware.page import Page
from jupyter_llm.hardware.reckon import (
    Claim,
    Sight,
    capacity_bytes,
    free_bytes,
    spread,
    sum_free,
    total_of,
    unseen,
)
from jupyter_llm.hardware.survey import Survey, survey

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from jupyter_llm.hardware.devices import DeviceReader, Reading
    from jupyter_llm.hardware.ledger import Ledger, Neighbour, Turn

T = TypeVar("T")

TELL_INTERVAL_S = 0.5
"""How often a load under way tells the other servers what it has taken by now."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Need:
    """What a model asks for: memory of devices of one kind, in bytes.

    `path` is its file: servers that map the same file share its memory.
    """

    num_bytes: int
    kind: str = "cpu"
    path: str = ""


class Reservation:
    """Memory that nobody else is promised, from before a load to the end of its model."""

    def __init__(self, pool: MemoryPool, key: object) -> None:
        self._pool = pool
        self._key = key

    async def settle(self, num_bytes: int) -> None:
        """The model is in memory and takes `num_bytes`: the devices count them as used now."""
        await self._pool.change(lambda: self._pool.note_loaded(self._key, num_bytes))

    async def release(self) -> None:
        """The memory is free again; safe to call twice."""
        await self._pool.change(lambda: self._pool.drop(self._key))


class MemoryPool:
    """Promises memory, so that no two loads on this machine count on the same bytes.

    `margin_bytes` of every device stay free. Without a ledger, or with one that cannot be
    used, this server sees itself alone. Coroutines belong to one event loop; the rest blocks
    for as long as a turn in the ledger may take, and is called in threads.
    """

    def __init__(
        self,
        *,
        read: Callable[[], Reading] | None = None,
        ledger: Ledger | None = None,
        margin_bytes: int = 0,
    ) -> None:
        self._read = read or _reader_of_devices()
        self._ledger = ledger
        self._margin_bytes = margin_bytes
        self._claims: dict[object, Claim] = {}
        self._lock = threading.Lock()
        self._ledger_reason = ""
        self._telling: asyncio.Task[None] | None = None

    async def free_bytes(self, need: Need) -> int:
        """What such a model could take now, beside the margin; below zero if that is gone."""
        return await self.in_thread(lambda: self._free_now(need))

    async def capacities(self, kinds: Iterable[str]) -> dict[str, int]:
        """What a model could take if all models of this server had left, by kind of device.

        `UNBOUNDED_BYTES` where nobody can say.
        """
        return await self.in_thread(lambda: self._capacities_now(kinds))

    async def reserve(self, need: Need) -> Reservation | None:
        """Promise a model its memory, or return `None` if there is not enough.

        A caller that is cancelled has reserved nothing.
        """
        key = object()
        loop = asyncio.get_running_loop()
        admission = loop.run_in_executor(None, self._admit, key, need)
        try:
            is_promised = await asyncio.shield(admission)
        except asyncio.CancelledError:
            admission.add_done_callback(lambda _: loop.run_in_executor(None, self.drop, key))
            raise
        if not is_promised:
            return None
        self._follow_loads()
        return Reservation(self, key)

    async def change(self, work: Callable[[], None]) -> None:
        """Do `work` in a thread, after which a load may be over."""
        try:
            await self.in_thread(work)
        finally:
            self._follow_loads()

    async def in_thread(self, work: Callable[[], T]) -> T:
        """Do `work` in a thread, to its end also if the caller is cancelled."""
        return await asyncio.shield(asyncio.get_running_loop().run_in_executor(None, work))

    def survey(self) -> Survey:
        """Who holds what of every device; blocks."""
        neighbours: list[Neighbour] = []
        with self._lock:
            if self._ledger is not None:
                try:
                    neighbours = self._ledger.neighbours()
                except OSError as error:
                    self._note(error)
            sight = self._sight(self._read(), neighbours)
        return survey(sight, ledger_reason=self._ledger_reason)

    def note_loaded(self, key: object, num_bytes: int) -> None:
        """See `Reservation.settle`; blocks."""
        with self._alone() as turn:
            reading = self._read()
            if (claim := self._claims.get(key)) is not None:
                mapped = reading.own_mapped_bytes - claim.mapped_before_bytes
                self._claims[key] = replace(
                    claim,
                    held=spread(num_bytes, claim.held),
                    is_loading=False,
                    mapped_bytes=min(max(mapped, 0), num_bytes),
                )
                self._write(turn, reading)

    def drop(self, key: object) -> None:
        """See `Reservation.release`; blocks."""
        with self._alone() as turn:
            if self._claims.pop(key, None) is not None:
                self._write(turn, self._read())

    def close(self) -> None:
        """Take this server out of the ledger; blocks."""
        with self._lock:
            self._claims.clear()
            if self._ledger is not None:
                try:
                    self._ledger.close()
                except OSError as error:
                    self._note(error)

    def _free_now(self, need: Need) -> int:
        with self._alone() as turn:
            neighbours = _neighbours(turn)
            return sum_free(self._free(need, self._sight(self._read(), neighbours)))

    def _capacities_now(self, kinds: Iterable[str]) -> dict[str, int]:
        with self._alone() as turn:
            neighbours = _neighbours(turn)
            sight = self._sight(self._read(), neighbours)
            return {
                kind: capacity_bytes(sight, kind, margin_bytes=self._margin_bytes) for kind in kinds
            }

    def _admit(self, key: object, need: Need) -> bool:
        with self._alone() as turn:
            # the others first: what becomes visible in between counts twice, never not at all
            neighbours = _neighbours(turn)
            reading = self._read()
            free = self._free(need, self._sight(reading, neighbours))
            if need.num_bytes > sum_free(free):
                return False
            self._claims[key] = Claim(
                held=spread(need.num_bytes, free),
                before={device.id: device.own_bytes for device in reading.devices},
                mapped_before_bytes=reading.own_mapped_bytes,
                file=_identity(need.path),
            )
            self._write(turn, reading)
            return True

    def _free(self, need: Need, sight: Sight) -> dict[str, int]:
        file = _identity(need.path)
        return free_bytes(sight, need.kind, file=file, margin_bytes=self._margin_bytes)

    def _sight(self, reading: Reading, neighbours: list[Neighbour]) -> Sight:
        return Sight(reading=reading, claims=tuple(self._claims.values()), neighbours=neighbours)

    def _follow_loads(self) -> None:
        """Have others told how far loads are, while there are some."""
        is_needed = self._ledger is not None and any(
            claim.is_loading for claim in tuple(self._claims.values())
        )
        if is_needed and (self._telling is None or self._telling.done()):
            self._telling = asyncio.create_task(self._tell_others(), name="memory ledger")
        elif self._telling is not None and not is_needed:
            self._telling.cancel()
            self._telling = None

    async def _tell_others(self) -> None:
        while True:
            await asyncio.sleep(TELL_INTERVAL_S)
            await self.in_thread(self._tell)

    def _tell(self) -> None:
        with self._alone() as turn:
            self._write(turn, self._read())

    @contextmanager
    def _alone(self) -> Iterator[Turn | None]:
        """Nobody else decides meanwhile; `None` where there is no ledger to look into."""
        with self._lock, ExitStack() as stack:
            turn = None
            if self._ledger is not None:
                try:
                    turn = stack.enter_context(self._ledger.turn())
                except OSError as error:
                    self._note(error)
            yield turn

    def _write(self, turn: Turn | None, reading: Reading) -> None:
        if turn is None:
            return
        try:
            turn.write(_page(self._claims.values(), reading))
        except OSError as error:
            self._note(error)
        else:
            self._ledger_reason = ""

    def _note(self, error: OSError) -> None:
        reason = f"Other servers on this machine are not seen: {error}"
        if reason != self._ledger_reason:
            log.warning("%s", reason)
        self._ledger_reason = reason


def _reader_of_devices() -> Callable[[], Reading]:
    """Reads the devices of this machine; what that takes is imported in the first thread."""

    @cache
    def reader() -> DeviceReader:
        from jupyter_llm.hardware.devices import DeviceReader

        return DeviceReader()

    return lambda: reader().read()


def _neighbours(turn: Turn | None) -> list[Neighbour]:
    return turn.neighbours() if turn is not None else []


def _page(claims: Collection[Claim], reading: Reading) -> Page:
    return Page(
        pid=os.getpid(),
        groups=tuple(limit.group for limit in reading.limits),
        held=total_of(claim.held for claim in claims),
        unseen=total_of(
            unseen(claim, reading, device, for_others=True)
            for claim in claims
            for device in reading.devices
        ),
        mapped={claim.file: claim.mapped_bytes for claim in claims if claim.mapped_bytes},
    )


def _identity(path: str) -> str:
    """The same for every name of a file and every process; empty where there is no file."""
    try:
        status = os.stat(path)  # noqa: PTH116 - an empty path is no path
    except OSError:
        return ""
    return f"{status.st_dev}:{status.st_ino}"
