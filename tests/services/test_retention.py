"""What ended long ago is forgotten, with its folder; what has not ended, or is not ours, stays."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ground import Rows, cookbook, local_site, until
from test_service_states import RUNNING

from jupyter_llm.services.folder import Folders
from jupyter_llm.services.record import Record
from jupyter_llm.services.retention import expired
from jupyter_llm.services.services import Services
from jupyter_llm.services.shell import Completed, LocalShell
from jupyter_llm.types import ServiceState

pytestmark = pytest.mark.skipif("sys.platform == 'win32'", reason="needs a POSIX shell")

DAY_S = 86_400.0
KEY = "local-0123456789ab"


def record(key: str = KEY, state: str = "completed", ended_at: float | None = 0.0) -> Record:
    service = replace(RUNNING.service, state=ServiceState(state), ended_at=ended_at)
    return replace(RUNNING, key=key, service=service)


def database() -> Record:
    service = replace(record().service, kind="vector-db")
    return replace(record(), service=service)


@pytest.mark.parametrize(
    ("kept", "is_due"),
    [
        (record(), True),
        (record(state="cancelled"), True),
        (record(ended_at=DAY_S), False),
        (record(ended_at=None), False),
        (database(), False),
        # whatever else it says
        (record(state="running"), False),
        (record(state="pending"), False),
        # nothing that could name another folder
        (record(".."), False),
        (record("local-0123456789ab/.."), False),
        (record("/local-0123456789ab"), False),
        (record("local-0123456789ab\n"), False),
        (record(""), False),
    ],
)
def test_it_is_due(kept: Record, is_due: bool) -> None:
    assert expired([kept], DAY_S, DAY_S + 1) == ([kept] if is_due else [])


def test_the_oldest_go_first() -> None:
    newer, older = record(ended_at=2.0), record(ended_at=1.0)
    assert expired([newer, older], DAY_S, DAY_S * 3) == [older, newer]


def test_nothing_but_folders_of_ours_is_deleted(tmp_path: Path) -> None:
    root, elsewhere = tmp_path / "the jobs", tmp_path / "elsewhere"
    for folder in (root / KEY / "data", root / "other", elsewhere):
        folder.mkdir(parents=True)
        (folder / "file").write_text("x")
    (root / KEY / "data" / "link").symlink_to(elsewhere)
    linked = "local-aaaaaaaaaaaa"
    (root / linked).symlink_to(elsewhere)
    keys = [KEY, linked, "local-bbbbbbbbbbbb", "other", "..", "-rf", "", f"{KEY}/../other"]

    left = asyncio.run(Folders(LocalShell(), str(root)).remove(keys))

    assert left == {linked, "other", "..", "-rf", "", f"{KEY}/../other"}
    assert sorted(each.name for each in root.iterdir()) == sorted([linked, "other"])
    assert (elsewhere / "file").exists()
    assert (root / "other" / "file").exists()


def aged(rows: Rows, key: str) -> None:
    """As if it had ended long ago."""
    row = rows.rows[key]
    ended_at = time.time() - 31 * DAY_S
    row["ended_at"] = row["record"]["service"]["ended_at"] = ended_at


def keeping(folder: Path, rows: Rows, **changes: Any) -> Services:
    site = replace(local_site(folder), keep_s=30 * DAY_S, **changes)
    return Services(cookbook(folder / "recipes"), site, rows, 0.2)


async def one_ended_and_one_that_runs(folder: Path, rows: Rows) -> tuple[str, str, str]:
    services = keeping(folder, rows)
    old, recent, runs = [
        (await services.create(name, None, owner="")).id for name in ("ends", "ends", "silent")
    ]
    for each in (old, recent):
        while not (await services.get(each, None)).state.is_final:
            await asyncio.sleep(0.05)
    await services.stop()
    aged(rows, old)
    return old, recent, runs


def test_what_ended_long_ago_is_forgotten_with_its_folder(tmp_path: Path) -> None:
    rows = Rows()

    async def main() -> None:
        old, recent, runs = await one_ended_and_one_that_runs(tmp_path, rows)
        services = keeping(tmp_path, rows)
        await services.start_up()
        while old in rows.rows:
            await asyncio.sleep(0.05)
        assert {each.id for each in await services.all(None)} == {recent, runs}
        assert {each.name for each in (tmp_path / "jobs").iterdir()} == {recent, runs}
        await services.cancel(runs, None)
        await until_final(services, runs)
        await services.stop()

    asyncio.run(main())


async def until_final(services: Services, service_id: str) -> None:
    await until(services, service_id, lambda each: each.state.is_final)


class Deaf(LocalShell):
    """A machine on which nothing can be deleted."""

    async def run(self, argv: Sequence[str], *, stdin: bytes = b"", timeout_s: float) -> Completed:
        if any("rm -rf" in word for word in argv):
            return Completed(returncode=1, stdout=b"", stderr=b"no, says the disk")
        return await super().run(argv, stdin=stdin, timeout_s=timeout_s)


def test_what_cannot_be_deleted_is_told_and_kept(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    rows = Rows()

    async def main() -> None:
        old, _, runs = await one_ended_and_one_that_runs(tmp_path, rows)
        services = keeping(tmp_path, rows, folders=Folders(Deaf(), str(tmp_path / "jobs")))
        await services.start_up()
        while "no, says the disk" not in caplog.text:
            await asyncio.sleep(0.05)
        assert old in rows.rows
        assert (await services.get(old, None)).state.is_final
        assert (tmp_path / "jobs" / old).exists()
        await services.cancel(runs, None)
        await until_final(services, runs)
        await services.stop()

    asyncio.run(main())
