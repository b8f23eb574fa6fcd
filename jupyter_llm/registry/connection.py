"""Connections to the two databases that a registry can be in; imports SQLAlchemy."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import URL, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

if TYPE_CHECKING:
    from sqlalchemy import Connection

_SQLITE_BUSY_S = 2.0
_POSTGRESQL = {
    "connect_timeout": 5,
    "options": "-c statement_timeout=10s -c lock_timeout=5s",
    # a server that is gone without a word is noticed
    "tcp_user_timeout": 10_000,
}


def open_engine(url: str) -> Engine:
    """An engine with one connection at a time, every wait of which is bounded.

    Raises:
        ArgumentError: The URL is none, or names another database.
        ModuleNotFoundError: The driver is not installed.
        OSError: The file of SQLite cannot be made.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return _sqlite(parsed)
    if parsed.get_backend_name() in {"postgresql", "postgres"}:
        return _postgresql(parsed)
    raise ArgumentError(f"{parsed.drivername} is not supported")


def _sqlite(url: URL) -> Engine:
    path = Path(url.database or "").expanduser()
    path.parent.mkdir(parents=True, exist_ok=True)
    _make_private(path)
    engine = create_engine(
        url.set(database=str(path)),
        pool_size=1,
        max_overflow=0,
        connect_args={"timeout": _SQLITE_BUSY_S},
    )
    event.listen(engine, "connect", _set_up_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _make_private(path: Path) -> None:
    """Make the file for its owner alone; its companions -wal and -shm get the same mode."""
    # an existing one is left closed: closing a file gives up SQLite's locks of this process on it
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))


def _set_up_sqlite(connection: Any, _: Any) -> None:
    # the driver would begin transactions by itself, late and without a lock
    connection.isolation_level = None
    connection.execute("PRAGMA journal_mode=WAL")
    # in WAL mode a killed process loses nothing by it, a power cut the last moments at most
    connection.execute("PRAGMA synchronous=NORMAL")


def _begin_sqlite(connection: Connection) -> None:
    # with the lock from the start: a transaction that wants it later fails instead of waiting
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _postgresql(url: URL) -> Engine:
    return create_engine(
        url.set(drivername="postgresql+psycopg"),
        pool_size=1,
        max_overflow=0,
        pool_pre_ping=True,
        connect_args=_POSTGRESQL,
    )
