"""The services of one place, kept so that a restarted server finds their jobs again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

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

        def work(session: Session) -> list[dict[str, Any]]:
            from jupyter_llm.registry.tables import ServiceRow

            rows = session.query(ServiceRow).filter_by(place=self._place)
            return [
                {name: getattr(row, name) for name in _FIELDS}
                for row in rows.order_by(ServiceRow.created_at)
            ]

        return await self._registry.run(work) if await self._registry.exists() else []

    async def save(self, row: Mapping[str, Any]) -> None:
        """Keep a row, in the place of an earlier one with its key.

        Raises:
            RegistryError: It cannot be written.
        """

        def work(session: Session) -> None:
            from jupyter_llm.registry.tables import ServiceRow

            session.merge(ServiceRow(place=self._place, **row))

        await self._registry.run(work)
