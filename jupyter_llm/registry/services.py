"""The services of one place, kept so that a restarted server finds their jobs again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy.orm import Session

    from jupyter_llm.registry.database import Registry

_FIELDS = (
    *("key", "job_id", "name", "recipe", "owner", "state", "created_at", "ended_at"),
    "record",
)


class ServiceRecords:
    """Services as plain rows, which `services` understands.

    `place` says where their jobs are: what another machine runs is of no concern here.
    """

    def __init__(self, registry: Registry, place: str) -> None:
        self._registry = registry
        self._place = place

    async def all(self) -> list[dict[str, Any]]:
        """Every row of this place, the oldest first.

        Raises:
            RegistryError: It cannot be read.
        """
        return await self._read()

    async def recent(self, since: float) -> list[dict[str, Any]]:
        """Those of this place that have not ended, or began or ended after `since`.

        Raises:
            RegistryError: It cannot be read.
        """
        return await self._read(since)

    async def add(self, row: Mapping[str, Any]) -> bool:
        """Keep a new row; `False` if there is one of its key, whoever has written it.

        Raises:
            RegistryError: It cannot be written.
        """

        def work(session: Session) -> bool:
            from jupyter_llm.registry.tables import ServiceRow

            # whoever is between these two is waited for, or makes that this is done anew
            if session.get(ServiceRow, row["key"]) is not None:
                return False
            session.add(ServiceRow(place=self._place, **row))
            return True

        return await self._registry.run(work)

    async def delete(self, keys: Sequence[str]) -> None:
        """Delete rows of this place.

        Raises:
            RegistryError: They cannot be deleted.
        """

        def work(session: Session) -> None:
            from jupyter_llm.registry.tables import ServiceRow

            rows = session.query(ServiceRow).filter_by(place=self._place)
            rows.filter(ServiceRow.key.in_(keys)).delete()

        await self._registry.run(work)

    async def save(self, row: Mapping[str, Any]) -> None:
        """Keep a row, in the place of an earlier one with its key.

        Raises:
            RegistryError: It cannot be written.
        """

        def work(session: Session) -> None:
            from jupyter_llm.registry.tables import ServiceRow

            session.merge(ServiceRow(place=self._place, **row))

        await self._registry.run(work)

    async def _read(self, since: float | None = None) -> list[dict[str, Any]]:
        def work(session: Session) -> list[dict[str, Any]]:
            from sqlalchemy import or_

            from jupyter_llm.registry.tables import ServiceRow

            rows = session.query(ServiceRow).filter_by(place=self._place)
            if since is not None:
                ended, began = ServiceRow.ended_at, ServiceRow.created_at
                rows = rows.filter(or_(ended.is_(None), ended > since, began > since))
            return [
                {name: getattr(row, name) for name in _FIELDS}
                for row in rows.order_by(ServiceRow.created_at)
            ]

        return await self._registry.run(work) if await self._registry.exists() else []
