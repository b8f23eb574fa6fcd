"""Writes to a registry, for tests that run it in processes of their own.

`writer.py count URL N` counts to N in transactions. `writer.py fork URL` makes, for each
line that it reads, a process that writes until it is killed; it prints `began PID`, and
`wrote PID` after the first transaction.
"""

from __future__ import annotations

import asyncio
import os
import sys
from typing import TYPE_CHECKING

# imported here so that a forked process begins to write at once
from alembic import command  # noqa: F401
from sqlalchemy import text

from jupyter_llm.registry import failures, migrate, tables  # noqa: F401
from jupyter_llm.registry.database import Registry

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

_ADD = text(
    "INSERT INTO llm_usage VALUES (:model_id, '2026-11-01', 1, 2, 3) "
    "ON CONFLICT (model_id, day) DO UPDATE SET num_requests = llm_usage.num_requests + 1"
)


def add_to_both(session: Session) -> None:
    """One request more of each of two models; they stay equal, whatever happens."""
    session.execute(_ADD, {"model_id": "a"})
    session.execute(_ADD, {"model_id": "b"})


def totals(session: Session) -> dict[str, int]:
    """The requests of each model."""
    return {row.model_id: row.num_requests for row in session.query(tables.UsageRow)}


async def _count(url: str, number: int) -> None:
    registry = Registry(url)
    for _ in range(number):
        await registry.run(add_to_both)
    await registry.close()


def _write_until_killed(url: str) -> None:
    asyncio.run(_count(url, 1))
    _say("wrote", os.getpid())
    asyncio.run(_count(url, 1 << 30))


def _say(what: str, pid: int) -> None:
    os.write(sys.stdout.fileno(), f"{what} {pid}\n".encode())


def main(what: str, url: str, number: str = "0") -> None:
    """What the module says."""
    if what == "count":
        asyncio.run(_count(url, int(number)))
        return
    for _ in sys.stdin:
        pid = os.fork()
        if pid == 0:
            _write_until_killed(url)
        _say("began", pid)
        os.waitpid(pid, 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
