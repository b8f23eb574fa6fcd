"""Answers kept on disk, so that a question that was asked before is not asked again.

A file of SQLite in the user's Jupyter data directory, which only this user can read. Questions
are not in it: an answer is found by a hash of all that it depends on. Every answer is committed by
itself, so that a process may be killed at any time.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
import warnings
from contextlib import suppress
from dataclasses import asdict, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, Self

from jupyter_llm.types import Timings, ToolCall, Usage

from .reply import Reply

MAX_BYTES = 256_000_000
"""Of the answers; beyond that, those that were not used for longest go."""

_BUSY_TIMEOUT_S = 5.0
_TRIM_EVERY = 256  # answers
_KEPT_SHARE = 0.9
_DAY_S = 86_400.0
_TABLE = """
CREATE TABLE IF NOT EXISTS answers (
    key BLOB PRIMARY KEY, reply TEXT NOT NULL, num_bytes INTEGER NOT NULL, used_at REAL NOT NULL
) WITHOUT ROWID"""
# what goes first: the running total counts from the answers that were used last
_OLDEST = """
DELETE FROM answers WHERE key IN (
    SELECT key FROM (
        SELECT key, SUM(num_bytes) OVER (ORDER BY used_at DESC, key) AS total FROM answers
    ) WHERE total > ?
)"""


def cache_path() -> Path:
    """Where the answers are."""
    from jupyter_core.paths import jupyter_data_dir

    return Path(jupyter_data_dir(), "jupyter_llm", "answers.sqlite3")


def cache_key(model: str, body: dict[str, Any]) -> bytes:
    """What an answer depends on, as a hash: the model with its file, and the whole request."""
    asked = json.dumps([model, body], sort_keys=True, ensure_ascii=False, default=str)
    return sha256(asked.encode("utf-8", "surrogatepass")).digest()


class AnswerCache:
    """The answers at `path`, for the thread that opens it: `with AnswerCache() as cache`.

    Where the file cannot be used it warns, once, and is empty.
    """

    def __init__(self, path: Path | None = None, *, max_bytes: int = MAX_BYTES) -> None:
        self.path = path or cache_path()
        self._max_bytes = max_bytes
        self._num_put = 0
        self._database: sqlite3.Connection | None = None

    def __enter__(self) -> Self:
        try:
            self._database = self._opened()
        except sqlite3.DatabaseError as exc:
            if isinstance(exc, sqlite3.OperationalError):
                self._give_up(exc)
            else:  # the file is damaged, and of no worth but speed
                self._start_anew()
        except OSError as exc:
            self._give_up(exc)
        return self

    def __exit__(self, *_: object) -> None:
        if self._database is not None:
            with suppress(sqlite3.Error):
                self._trim()
            self._database.close()
            self._database = None

    def get(self, key: bytes) -> Reply | None:
        """The reply that was kept."""
        found = self._run("SELECT reply, used_at FROM answers WHERE key = ?", key)
        if not found:
            return None
        text, used_at = found[0]
        if time.time() - used_at > _DAY_S:
            self._run("UPDATE answers SET used_at = ? WHERE key = ?", time.time(), key)
        return _reply(json.loads(text))

    def put(self, key: bytes, reply: Reply) -> None:
        """Keep a reply; it is on disk when this returns, as far as other processes see."""
        text = json.dumps(asdict(reply))
        self._run(
            "INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?)",
            key,
            text,
            len(key) + len(text),
            time.time(),
        )
        self._num_put += 1
        if self._num_put % _TRIM_EVERY == 0:
            self._trim()

    def clear(self) -> int:
        """Forget every answer; returns how many there were."""
        ((number,),) = self._run("SELECT COUNT(*) FROM answers") or [(0,)]
        self._run("DELETE FROM answers")
        self._run("VACUUM")
        return int(number)

    def _trim(self) -> None:
        ((total,),) = self._run("SELECT TOTAL(num_bytes) FROM answers") or [(0,)]
        if total > self._max_bytes:
            self._run(_OLDEST, self._max_bytes * _KEPT_SHARE)

    def _run(self, statement: str, *values: Any) -> list[Any]:
        if self._database is None:
            return []
        try:
            return self._database.execute(statement, values).fetchall()
        except sqlite3.Error as exc:
            self._database.close()
            self._database = None
            self._give_up(exc)
            return []

    def _opened(self) -> sqlite3.Connection:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
        database = sqlite3.connect(self.path, timeout=_BUSY_TIMEOUT_S, isolation_level=None)
        try:
            # the end of a process loses nothing, that of the machine may; WAL would not do on NFS
            database.execute("PRAGMA synchronous = OFF")
            database.execute("PRAGMA journal_mode = TRUNCATE")
            database.execute(_TABLE)
        except sqlite3.Error:
            database.close()
            raise
        return database

    def _start_anew(self) -> None:
        try:
            self.path.unlink()
            self._database = self._opened()
        except (OSError, sqlite3.Error) as exc:
            self._give_up(exc)

    def _give_up(self, exc: Exception) -> None:
        warnings.warn(
            f"Answers are not kept: {self.path} cannot be used ({exc}). "
            "Without it, every question is asked again; cache=False leaves it out.",
            stacklevel=2,
        )


def _reply(fields: dict[str, Any]) -> Reply:
    usage, timings = fields.pop("usage"), fields.pop("timings")
    calls = tuple(ToolCall(**call) for call in fields.pop("tool_calls"))
    return replace(
        Reply(**fields, tool_calls=calls),
        usage=Usage(**usage) if usage else None,
        timings=Timings(**timings) if timings else None,
        is_cached=True,
    )
