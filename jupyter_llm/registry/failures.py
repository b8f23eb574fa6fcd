"""What databases say when they fail, as errors of ours; imports SQLAlchemy."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from jupyter_llm.errors import RegistryError

if TYPE_CHECKING:
    from collections.abc import Iterator

_ELSEWHERE = "set c.LLMExtension.registry_url to another place"

_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_PASSING_STATES = {"23505", "40001", "40P01", "55P03"}
"""PostgreSQL's codes for a row that another has just made, a serialization failure, a deadlock,
and a lock not to be had."""

_PRIMARY_CODE = 0xFF
"""SQLite's extended result codes have the primary one in their lowest byte."""


@contextmanager
def readable_errors(url: str) -> Iterator[None]:
    """Turn what SQLAlchemy and the disk raise into a `RegistryError`."""
    try:
        yield
    except (SQLAlchemyError, OSError, ModuleNotFoundError) as error:
        raise RegistryError(_explained(url, error)) from error


def is_passing(error: DBAPIError) -> bool:
    """Whether the same may succeed in a moment: somebody else was in the way."""
    return (
        error.connection_invalidated
        or _sqlite_code(error) in _BUSY
        or getattr(error.orig, "sqlstate", None) in _PASSING_STATES
    )


def place_of(url: str) -> str:
    """Where the registry is, for people: without the password."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return parsed.database or url
    return parsed.render_as_string(hide_password=True)


def _explained(url: str, error: Exception) -> str:
    if isinstance(error, ArgumentError):
        return (
            "c.LLMExtension.registry_url is no address of a database. Give "
            "'sqlite:////absolute/path' or 'postgresql+psycopg://user@host/name'."
        )
    if isinstance(error, ModuleNotFoundError):
        return (
            f"A registry in PostgreSQL needs the package {error.name}: "
            "pip install 'jupyter-llm[postgresql]'."
        )
    place, code = place_of(url), _sqlite_code(error)
    reason = str(error.orig if isinstance(error, DBAPIError) else error).strip()
    if code in _DAMAGED:
        return (
            f"The registry {place} is damaged ({reason}). Restore it from a backup, or move the "
            "file away to begin with an empty one; models are not in it."
        )
    if code in _BUSY:
        return f"The registry {place} is held by another process ({reason}). Try again later."
    return f"The registry {place} cannot be used ({reason}). Mend that, or {_ELSEWHERE}."


def _sqlite_code(error: Exception) -> int | None:
    code = getattr(getattr(error, "orig", None), "sqlite_errorcode", None)
    return None if code is None else int(code) & _PRIMARY_CODE
