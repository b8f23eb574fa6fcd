"""A collection while an index is built on a copy of it, step by step."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from jupyter_llm.vectors.embedded.bodies import (
    DeleteBody,
    QueryBody,
    ScrollBody,
    UpsertBody,
    VectorParams,
    read,
)
from jupyter_llm.vectors.embedded.collection import Collection
from jupyter_llm.vectors.embedded.folder import Folder
from jupyter_llm.vectors.embedded.index import MODULE
from jupyter_llm.vectors.embedded.points import AT_ONCE, points_of
from jupyter_llm.vectors.embedded.refusals import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

INDEX_AFTER_BYTES = 4096
PARAMS = VectorParams(size=4, distance="Euclid")
A_UUID = UUID("6f2b5c1e-5d0f-4c53-9d8e-2f0a3c1b7e11")


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    folder = Folder(tmp_path, INDEX_AFTER_BYTES)
    folder.create("notes", PARAMS)
    yield folder
    folder.close()


@pytest.fixture
def notes(folder: Folder) -> Collection:
    return folder.find("notes")


async def put_in(notes: Collection, *ids: int | UUID, kind: str = "old") -> None:
    points = [
        {"id": str(one) if isinstance(one, UUID) else one, "vector": [int(one) % 997, 1, 2, 3]}
        for one in ids
    ]
    rows = [{**point, "payload": {"kind": kind}} for point in points]
    body = read(json.dumps({"points": rows}).encode(), UpsertBody)
    await notes.upsert(points_of(body, notes.size))


def kinds(notes: Collection) -> dict[int | UUID | str, str]:
    records, after = notes.scroll(ScrollBody(limit=10_000))
    assert after is None
    return {record.id: record.payload["kind"] for record in records}


def generations(notes: Collection) -> set[str]:
    return {path.name for path in notes.folder.iterdir() if path.is_dir()}


async def test_a_copy_that_takes_over_has_what_was_written_meanwhile(notes: Collection) -> None:
    many = range(100, 100 + 2 * AT_ONCE + 1)
    await put_in(notes, 1, 2, 3, A_UUID)
    copy = await notes.copy()
    await put_in(notes, 2, 4, *many, kind="new")
    await notes.delete(read(b'{"points": [3]}', DeleteBody))
    of_uuid = b'{"filter": {"must": [{"has_id": ["%b"]}]}}' % str(A_UUID).encode()
    await notes.delete(read(of_uuid, DeleteBody))
    await notes.index_field("kind", "keyword")
    before = kinds(notes)

    await notes.take_over()

    assert before == kinds(notes) == {1: "old", **dict.fromkeys((2, 4, *many), "new")}
    assert list(notes.info().payload_schema) == ["kind"]
    assert generations(notes) == {"1"} == {copy.name}
    await put_in(notes, 5)
    assert 5 in kinds(notes)


async def test_an_index_is_built_in_a_copy_and_found_after_a_restart(
    folder: Folder, notes: Collection, tmp_path: Path
) -> None:
    assert not notes.wants_index()
    await put_in(notes, *range(600))
    assert notes.wants_index()
    copy = await notes.copy()
    builder = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", MODULE, str(copy), str(INDEX_AFTER_BYTES), str(os.getpid())),
        stdin=subprocess.DEVNULL,
    )
    assert await builder.wait() == 0
    await notes.take_over()

    assert notes.info().indexed_vectors_count == 600
    assert not notes.wants_index()
    folder.close()
    again = Folder(tmp_path, INDEX_AFTER_BYTES)
    assert again.find("notes").info().indexed_vectors_count == 600
    again.close()


async def test_a_copy_that_came_to_nothing_leaves_all_as_it_was(notes: Collection) -> None:
    await put_in(notes, 1, 2)
    await notes.copy()
    await put_in(notes, 3)

    await notes.forget_copy()

    assert set(kinds(notes)) == {1, 2, 3}
    assert generations(notes) == {"0"}
    await notes.copy()
    await notes.take_over()
    assert set(kinds(notes)) == {1, 2, 3}


async def test_a_collection_that_is_deleted_meanwhile_is_not_brought_back(
    folder: Folder, notes: Collection
) -> None:
    await put_in(notes, 1)
    await notes.copy()
    folder.remove("notes")
    folder.create("notes", PARAMS)

    with pytest.raises(FileNotFoundError, match="gone"):
        await notes.take_over()
    await notes.forget_copy()

    assert kinds(folder.find("notes")) == {}
    assert generations(folder.find("notes")) == {"0"}


async def test_searches_go_on_while_points_come(notes: Collection) -> None:
    await put_in(notes, *range(50))
    writing = asyncio.create_task(put_in(notes, *range(50, 50 + 5 * AT_ONCE)))
    num_searches = 0
    while not writing.done():
        await asyncio.sleep(0)
        assert notes.query(QueryBody(query=[7.0, 1, 2, 3], limit=1))[0].id == 7
        num_searches += 1
    await writing

    assert num_searches >= 5
    with pytest.raises(Refusal, match="either 'points' or 'filter'"):
        await notes.delete(DeleteBody())
