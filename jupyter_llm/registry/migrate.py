"""Brings a registry's tables up to date; imports SQLAlchemy, and Alembic where that has work."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import String, column, inspect, select, table, text

from jupyter_llm.errors import RegistryError

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

VERSION_TABLE = "llm_version"
"""Not Alembic's own name for it: the database may be another program's, too."""

_FOLDER = Path(__file__).parent / "migrations"
_LOCK_KEY = 0x6A6C6C6D
_ONE_AT_A_TIME = threading.Lock()
"""Alembic keeps what it works on in module globals."""


def versions() -> tuple[str, ...]:
    """The versions that a registry has had, oldest first: the numbers of the migrations."""
    return tuple(sorted(path.name[:4] for path in (_FOLDER / "versions").glob("[0-9]*.py")))


def bring_up_to_date(engine: Engine, target: str = "") -> None:
    """Run the migrations that the registry lacks, up to `target`: all of them, or none.

    Of several servers that start at once, one does it and the others wait.

    Raises:
        RegistryError: A newer version of this package has written the registry.
    """
    with engine.begin() as connection:
        _take_turn(connection)
        found, known = _version(connection), versions()
        if found and found not in known:
            raise RegistryError(
                f"A newer version of jupyter-llm has written this registry (format {found}; this "
                f"version knows up to {known[-1]}). Upgrade jupyter-llm, or give "
                "c.LLMExtension.registry_url another place."
            )
        if found < (target or known[-1]):
            _upgrade(connection, target or known[-1])


def _take_turn(connection: Connection) -> None:
    """Hold off other servers until the transaction ends; SQLite's has the lock already."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL statement_timeout = '20s'"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK_KEY})


def _version(connection: Connection) -> str:
    if not inspect(connection).has_table(VERSION_TABLE):
        return ""
    stored = select(column("version_num", String)).select_from(table(VERSION_TABLE))
    return connection.scalar(stored) or ""


def _upgrade(connection: Connection, target: str) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config(attributes={"connection": connection, "version_table": VERSION_TABLE})
    # Alembic reads options as ConfigParser does, for which a % is special
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    with _ONE_AT_A_TIME:
        command.upgrade(config, target)
