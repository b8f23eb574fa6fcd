"""Where the downloads into one folder stand, kept so that a restarted server goes on with them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from sqlalchemy.orm import Session

    from jupyter_llm.registry.database import Registry

_FIELDS = ("id", "repo_id", "revision", "files", "state", "error")


class DownloadRecords:
    """Downloads as plain records, which the library understands; those into `models_dir`."""

    def __init__(self, registry: Registry, models_dir: Path) -> None:
        self._registry = registry
        self._folder = str(models_dir.absolute())

    async def all(self) -> list[dict[str, Any]]:
        """Every record that was saved and not removed.

        Raises:
            RegistryError: It cannot be read.
        """

        def work(session: Session) -> list[dict[str, Any]]:
            from jupyter_llm.registry.tables import DownloadRow

            rows = session.query(DownloadRow).filter_by(models_dir=self._folder)
            return [{name: getattr(row, name) for name in _FIELDS} for row in rows]

        return await self._registry.run(work) if await self._registry.exists() else []

    async def save(self, record: Mapping[str, Any]) -> None:
        """Keep a record, in the place of an earlier one with its id.

        Raises:
            RegistryError: It cannot be written.
        """

        def work(session: Session) -> None:
            from jupyter_llm.registry.tables import DownloadRow

            session.merge(DownloadRow(models_dir=self._folder, updated_at=time.time(), **record))

        await self._registry.run(work)

    async def remove(self, download_id: str) -> None:
        """Forget a record; the files stay.

        Raises:
            RegistryError: It cannot be written.
        """

        def work(session: Session) -> None:
            from jupyter_llm.registry.tables import DownloadRow

            session.query(DownloadRow).filter_by(models_dir=self._folder, id=download_id).delete()

        await self._registry.run(work)
