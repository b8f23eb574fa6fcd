from __future__ import annotations

import asyncio
import os
import random
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import writer
from sqlalchemy import text

from jupyter_llm.errors import ModelNotFoundError, RegistryError
from jupyter_llm.registry import connection, database
from jupyter_llm.registry.database import Registry, default_url

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from postgres import Postgres
    from sqlalchemy.orm import Session

NUM_KILLS = 25
WRITER = (sys.executable, writer.__file__)


def file_of(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))


def at(path: Path) -> str:
    return f"sqlite:///{path}"


async def once(url: str) -> None:
    """Use the registry and leave it."""
    registry = Registry(url)
    try:
        await registry.run(writer.add_to_both)
    finally:
        await registry.close()


async def read(url: str) -> dict[str, int]:
    registry = Registry(url)
    try:
        return await registry.run(writer.totals)
    finally:
        await registry.close()


def said(lines: Iterable[str], what: str) -> int:
    """The process of the next line that says this."""
    return next(int(line.split()[1]) for line in lines if line.startswith(what))


def begin(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*WRITER, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


async def test_what_is_written_is_there_for_the_next_server(url: str) -> None:
    await once(url)
    await once(url)

    assert await read(url) == {"a": 2, "b": 2}


async def test_work_that_fails_is_undone(url: str) -> None:
    def fail(session: Session) -> None:
        writer.add_to_both(session)
        raise ModelNotFoundError("no such model")

    registry = Registry(url)
    await registry.run(writer.add_to_both)
    with pytest.raises(ModelNotFoundError):
        await registry.run(fail)

    assert await registry.run(writer.totals) == {"a": 1, "b": 1}
    await registry.close()


async def test_the_event_loop_goes_on_while_work_is_done(url: str) -> None:
    registry, num_steps = Registry(url), 0
    slow = asyncio.create_task(registry.run(lambda _: time.sleep(0.3)))
    while not slow.done():
        await asyncio.sleep(0.005)
        num_steps += 1

    assert num_steps > 10
    await registry.close()


def test_two_servers_write_at_once(url: str) -> None:
    """Both also begin with a registry that does not exist."""
    writers = [begin("count", url, "200") for _ in range(2)]

    for process in writers:
        _, errors = process.communicate(timeout=90)
        assert process.returncode == 0, errors
    assert asyncio.run(read(url)) == {"a": 400, "b": 400}


def test_a_killed_server_leaves_a_consistent_registry(url: str) -> None:
    """Some are killed before or while they make the tables, some among their transactions."""
    rng, before = random.Random(5), 0
    with begin("fork", url) as forker:
        assert forker.stdin
        assert forker.stdout
        for number in range(NUM_KILLS):
            forker.stdin.write("\n")
            forker.stdin.flush()
            pid = said(forker.stdout, "began")
            if number >= 10:
                assert said(forker.stdout, "wrote") == pid
            time.sleep(rng.uniform(0.0, 0.1))
            os.kill(pid, signal.SIGKILL)
            if number % 5 == 4:
                totals = asyncio.run(read(url))
                assert totals.get("a", 0) == totals.get("b", 0) >= before
                before = totals.get("a", 0)
    assert before > 0
    if url.startswith("sqlite"):
        with sqlite3.connect(file_of(url)) as check:
            assert check.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


class TestInSQLite:
    @pytest.fixture
    def url(self, tmp_path: Path) -> str:
        return at(tmp_path / "registry.sqlite3")

    def test_is_a_file_of_this_user_by_default(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path))
        assert default_url() == at(tmp_path / "jupyter_llm" / "registry.sqlite3")

    async def test_only_its_owner_may_read_it(self, url: str) -> None:
        registry = Registry(url)
        await registry.run(writer.add_to_both)
        files = list(file_of(url).parent.iterdir())

        assert len(files) == 3
        assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
        await registry.close()

    async def test_journals_ahead(self, url: str) -> None:
        await once(url)

        with sqlite3.connect(file_of(url)) as check:
            assert check.execute("PRAGMA journal_mode").fetchone() == ("wal",)

    async def test_exists_once_it_was_used(self, url: str) -> None:
        registry = Registry(url)
        assert not await registry.exists()
        await registry.run(writer.add_to_both)
        assert await registry.exists()
        await registry.close()

    async def test_waits_for_another_that_writes(self, url: str) -> None:
        await once(url)
        other = sqlite3.connect(file_of(url), isolation_level=None, check_same_thread=False)
        other.execute("BEGIN IMMEDIATE")
        asyncio.get_running_loop().call_later(0.3, other.execute, "COMMIT")

        await once(url)
        assert (await read(url))["a"] == 2
        other.close()

    async def test_says_so_where_another_never_ends(
        self, url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(connection, "_SQLITE_BUSY_S", 0.05)
        monkeypatch.setattr(database, "_RETRY_DELAYS_S", (0.01,))
        await once(url)
        with sqlite3.connect(file_of(url), isolation_level=None) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(RegistryError, match="held by another process"):
                await once(url)

    async def test_a_damaged_file_is_told_and_the_next_one_used(self, url: str) -> None:
        file_of(url).write_bytes(b"This is no database." * 100)
        registry = Registry(url)

        with pytest.raises(RegistryError, match="is damaged") as caught:
            await registry.run(writer.totals)
        assert str(file_of(url)) in caught.value.message
        file_of(url).unlink()
        await registry.run(writer.add_to_both)
        await registry.close()

    async def test_a_place_that_cannot_be_written_is_told(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()

        with pytest.raises(RegistryError, match="registry_url"):
            await once(at(tmp_path / "file" / "registry.sqlite3"))

    async def test_a_full_disk_is_told_and_left_behind(self, url: str) -> None:
        def fill(session: Session) -> None:
            session.execute(text("PRAGMA max_page_count = 1"))
            session.execute(
                text("INSERT INTO llm_aliases VALUES (:alias, 'm')"), {"alias": "x" * 1_000_000}
            )

        registry = Registry(url)
        await registry.run(writer.add_to_both)
        with pytest.raises(RegistryError, match="full"):
            await registry.run(fill)
        await registry.run(writer.add_to_both)
        assert await registry.run(writer.totals) == {"a": 2, "b": 2}
        await registry.close()


class TestInPostgreSQL:
    @pytest.fixture
    def url(self, postgres: Postgres) -> str:
        return postgres.database()

    async def test_a_restarted_database_is_found_again(self, url: str, postgres: Postgres) -> None:
        registry = Registry(url)
        await registry.run(writer.add_to_both)
        await asyncio.to_thread(postgres.stop)
        with pytest.raises(RegistryError, match="cannot be used"):
            await registry.run(writer.totals)
        await asyncio.to_thread(postgres.start)
        assert await registry.run(writer.totals) == {"a": 1, "b": 1}
        await registry.close()

    async def test_no_message_tells_the_password(self) -> None:
        with pytest.raises(RegistryError) as caught:
            await once("postgresql://ada:secret@127.0.0.1:9/registry")
        assert "secret" not in caught.value.message
        assert "ada" in caught.value.message

    async def test_a_missing_driver_is_told_with_what_installs_it(
        self, url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "psycopg", None)
        with pytest.raises(RegistryError, match=r"jupyter-llm\[postgresql\]"):
            await once(url)


@pytest.mark.parametrize("url", ["mysql://host/name", "nonsense", "what://ever"])
async def test_an_address_of_no_database_is_told(url: str) -> None:
    with pytest.raises(RegistryError, match="no address of a database"):
        await once(url)


@pytest.fixture
def stuck() -> Iterator[Registry]:
    registry = Registry("nonsense")
    yield registry
    registry._thread.shutdown(wait=True)


class TestBounds:
    async def test_a_caller_does_not_wait_for_ever(
        self, stuck: Registry, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(database, "_ANSWER_TIMEOUT_S", 0.05)
        stuck._thread.submit(time.sleep, 0.5)
        with pytest.raises(RegistryError, match="did not answer"):
            await stuck.run(writer.totals)

    async def test_closing_does_not_wait_for_ever(
        self, stuck: Registry, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setattr(database, "_CLOSE_TIMEOUT_S", 0.05)
        stuck._thread.submit(time.sleep, 0.5)
        await stuck.close()
        assert "did not close" in caplog.text

    async def test_a_closed_registry_takes_no_more(self, stuck: Registry) -> None:
        await stuck.close()
        await stuck.close()
        with pytest.raises(RegistryError, match="is closed"):
            await stuck.run(writer.totals)
