"""The records of services: in memory, in the registry, and told to whoever wants to know."""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from jupyter_llm.errors import LLMError
from jupyter_llm.services.decide import taken_up
from jupyter_llm.services.record import Record, from_row, to_row
from jupyter_llm.types import ServiceState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

_OVERLAP_S = 600.0
"""How much is read again: clocks differ, and a row may be written later than it says."""

log = logging.getLogger(__name__)


class Rows(Protocol):
    """Where services outlive this server; raises `RegistryError`."""

    async def all(self) -> list[dict[str, Any]]:
        """Every row that was saved."""
        ...

    async def recent(self, since: float) -> list[dict[str, Any]]:
        """Those that have not ended, or began or ended after `since` (seconds since the epoch)."""
        ...

    async def add(self, row: Mapping[str, Any]) -> bool:
        """Keep a new row; `False` if there is one of its key, which stays as it is."""
        ...

    async def delete(self, keys: Sequence[str]) -> None:
        """Delete these rows."""
        ...

    async def save(self, row: Mapping[str, Any]) -> None:
        """Keep a row, in the place of an earlier one with its key."""
        ...


class ClaimedError(Exception):
    """Another server has a record of this key."""


class RecordBook:
    """Records by key; `on_change` is told of every one that is news.

    Other servers may write to the same registry: what they have begun or decided is taken up.
    """

    def __init__(self, rows: Rows, on_change: Callable[[Record], None]) -> None:
        self._rows = rows
        self._on_change = on_change
        self._records: dict[str, Record] = {}
        self._read_until = 0.0

    def __iter__(self) -> Iterator[Record]:
        return iter(tuple(self._records.values()))

    def get(self, key: str) -> Record:
        """The record as it is now."""
        return self._records[key]

    def going(self) -> list[Record]:
        """Those whose jobs have not ended."""
        return [each for each in self if not each.service.state.is_final]

    def taken_gpus(self) -> list[str]:
        """The GPUs of services that have not ended."""
        return [gpu for each in self.going() for gpu in each.gpus.split(",") if gpu]

    async def load(self) -> None:
        """Read what earlier servers have left; what a later version wrote is passed over.

        Raises:
            RegistryError: It cannot be read.
        """
        now = time.time()
        for row in await self._rows.all():
            if record := _read(row):
                self._records.setdefault(record.key, record)
        self._read_until = now - _OVERLAP_S

    async def take_up(self) -> None:
        """Read what other servers have begun or decided since the last time.

        Raises:
            RegistryError: It cannot be read.
        """
        now = time.time()
        for row in await self._rows.recent(self._read_until):
            mine = self._records.get(row["key"])
            if mine is not None and not _may_be_news(mine, row):
                continue
            theirs = _read(row)
            if theirs is None or (latest := taken_up(mine, theirs)) == mine:
                continue
            self._records[latest.key] = latest
            self._on_change(latest)
        self._read_until = now - _OVERLAP_S

    async def add(self, record: Record) -> None:
        """Write a new record down; it counts only if that succeeds.

        Raises:
            ClaimedError: Another server was first.
            RegistryError: It cannot be written.
        """
        if not await self._rows.add(to_row(record)):
            raise ClaimedError(record.key)
        self._records[record.key] = record

    async def forget(self, keys: Sequence[str]) -> None:
        """Delete records, of which nobody is told.

        Raises:
            RegistryError: They cannot be deleted, and stay.
        """
        if not keys:
            return
        await self._rows.delete(keys)
        for key in keys:
            self._records.pop(key, None)

    async def change(self, record: Record) -> None:
        """Put a record in the place of an earlier one; told and written, if it is news."""
        if self._records.get(record.key) == record:
            return
        record = replace(record, service=replace(record.service, as_of=time.time()))
        self._records[record.key] = record
        self._on_change(record)
        try:
            await self._rows.save(to_row(record))
        except LLMError as error:
            log.warning("The service %s is not written down now: %s", record.service.id, error)


def _read(row: Mapping[str, Any]) -> Record | None:
    try:
        record = from_row(dict(row))
    except (ValueError, KeyError) as error:
        log.warning("The record of the service %s is not read: %s", row["key"], error)
        return None
    # what another server calls the model, or this one did before
    return replace(record, service=replace(record.service, model_id=""))


def _may_be_news(mine: Record, row: Mapping[str, Any]) -> bool:
    """Whether it is worth a closer look; of a thousand rows, few are."""
    if mine.service.state.is_final:
        return False
    has_ended = ServiceState(row["state"]).is_final
    return has_ended or (mine.cancelled_at is None and row["record"]["cancelled_at"] is not None)
