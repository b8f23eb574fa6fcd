"""The records of services: in memory, in the registry, and told to whoever wants to know."""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from jupyter_llm.errors import LLMError
from jupyter_llm.services.record import Record, from_row, to_row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

log = logging.getLogger(__name__)


class Rows(Protocol):
    """Where services outlive this server; raises `RegistryError`."""

    async def all(self) -> list[dict[str, Any]]:
        """Every row that was saved."""
        ...

    async def save(self, row: Mapping[str, Any]) -> None:
        """Keep a row, in the place of an earlier one with its key."""
        ...


class RecordBook:
    """Records by key; `on_change` is told of every one that is news."""

    def __init__(self, rows: Rows, on_change: Callable[[Record], None]) -> None:
        self._rows = rows
        self._on_change = on_change
        self._records: dict[str, Record] = {}

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
        for row in await self._rows.all():
            try:
                record = from_row(row)
            except (ValueError, KeyError) as error:
                log.warning("The record of the service %s is not read: %s", row["key"], error)
                continue
            self._records.setdefault(record.key, record)

    async def add(self, record: Record) -> None:
        """Write a new record down; it counts only if that succeeds.

        Raises:
            RegistryError: It cannot be written.
        """
        await self._rows.save(to_row(record))
        self._records[record.key] = record

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
