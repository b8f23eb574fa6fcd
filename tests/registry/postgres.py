"""A PostgreSQL server for tests: a cluster of its own, on a socket in its own folder."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from itertools import count
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any, Self

import pytest

if TYPE_CHECKING:
    from collections.abc import Sequence

TIMEOUT_S = 60
_UNPRIVILEGED = ("postgres", "nobody")


def find_binaries() -> Path:
    """The folder with `initdb` and `pg_ctl`; Debian leaves it out of PATH."""
    found = shutil.which("pg_ctl")
    candidates = [Path(found).resolve().parent] if found else []
    candidates += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for folder in candidates:
        if (folder / "initdb").exists() and (folder / "pg_ctl").exists():
            return folder
    if os.environ.get("CI"):
        pytest.fail("CI must have PostgreSQL: .ci/run installs it.")
    pytest.skip("needs PostgreSQL (apt-get install postgresql, or brew install postgresql)")


class Postgres:
    """A running cluster; `database()` makes an empty database and returns its URL."""

    def __init__(self) -> None:
        self._binaries = find_binaries()
        self._folder = Path(mkdtemp(prefix="jllm-pg-"))
        self._numbers = count(1)
        self._user = _unprivileged_user()

    def __enter__(self) -> Self:
        if self._user:
            shutil.chown(self._folder, self._user)
        try:
            self._run("initdb", "--auth=trust", "--username=jllm", "--no-sync", "-D", self._data)
            self.start()
        except BaseException:
            shutil.rmtree(self._folder)
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        shutil.rmtree(self._folder)

    @property
    def _data(self) -> str:
        return str(self._folder / "data")

    def start(self) -> None:
        """Start the server; it listens on its socket alone."""
        options = f"-c listen_addresses='' -k {self._folder} -c fsync=off -c max_connections=20"
        log = str(self._folder / "log")
        self._run("pg_ctl", "start", "--wait", "-D", self._data, "-l", log, "-o", options)

    def stop(self) -> None:
        """Stop the server, whoever is connected."""
        self._run("pg_ctl", "stop", "--wait", "--mode=immediate", "-D", self._data)

    def database(self) -> str:
        """The URL of a new, empty database."""
        import psycopg

        name = f"test{next(self._numbers)}"
        address = f"host={self._folder} user=jllm dbname=postgres"
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return f"postgresql://jllm@/{name}?host={self._folder}"

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [str(self._binaries / program), *arguments],
            cwd=self._folder,
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            timeout=TIMEOUT_S,
            **_as(self._user),
        )


def _unprivileged_user() -> str | None:
    """Whom to run as: PostgreSQL refuses root."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in _UNPRIVILEGED if name in known)


def _as(user: str | None) -> dict[str, Any]:
    groups: Sequence[str] = []
    if user is None:
        return {}
    return {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": groups}
