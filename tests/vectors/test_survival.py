"""No point that was answered is lost, whenever the process of the database is killed."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
from contextlib import suppress
from typing import TYPE_CHECKING

from live import LiveServer

from jupyter_llm.errors import EngineDiedError
from jupyter_llm.types import VectorQuery
from jupyter_llm.vectors.databases import LOCAL, VectorDatabases

if TYPE_CHECKING:
    from jupyter_llm.vectors.running import EmbeddedSettings
    from jupyter_llm.vectors.store import VectorStore

SIZE = 16
BATCH = 50
NUM_KILLS = 12


def vector(number: int) -> list[float]:
    draw = random.Random(number)
    return [draw.gauss(0, 1) for _ in range(SIZE)]


def body(first: int) -> bytes:
    points = [
        {"id": number, "vector": vector(number), "payload": {"number": number}}
        for number in range(first, first + BATCH)
    ]
    return json.dumps({"points": points}).encode()


async def kill(databases: VectorDatabases) -> None:
    """Kill the process as soon as there is one."""
    while (pid := databases.embedded.pid) is None:
        await asyncio.sleep(0.001)
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


async def indexed(store: VectorStore) -> int:
    return (await store.collection("notes")).num_indexed


async def is_building(store: VectorStore) -> bool:
    return b"collection_running_optimizations 1" in await store.metrics()


async def check(store: VectorStore, answered: set[int]) -> None:
    """See that everything is there, and can be found."""
    count = 0
    for number in answered:
        query = VectorQuery(vector=tuple(vector(number)), limit=1, with_payload=True)
        [found] = await store.search("notes", query)
        assert found.id == number
        assert found.payload == {"number": number}
        count += 1
    assert count == len(answered)


async def test_kills_while_points_are_put_in_and_indexes_are_built(
    databases: VectorDatabases, store: VectorStore
) -> None:
    draw = random.Random(1)
    await store.create("notes", vector_size=SIZE, distance="Euclid", indexes={"number": "integer"})
    answered: set[int] = set()
    first = 0

    async def put_in() -> None:
        nonlocal first
        while True:
            first += BATCH
            with suppress(EngineDiedError):
                await store.upsert("notes", body(first))
                answered.update(range(first, first + BATCH))

    for number in range(NUM_KILLS):
        writing = asyncio.create_task(put_in())
        await asyncio.sleep(draw.uniform(0, 0.4))
        if number % 3 == 2:  # in the middle of an index's building, or shortly after
            writing.cancel()
            with suppress(asyncio.CancelledError):
                await writing
            await asyncio.sleep(draw.uniform(0.9, 1.8))
        await kill(databases)
        writing.cancel()
        with suppress(asyncio.CancelledError):
            await writing
        assert (await store.collection("notes")).num_points >= len(answered)

    assert len(answered) > BATCH
    await check(store, set(draw.sample(sorted(answered), min(400, len(answered)))))
    assert (await store.collection("notes")).payload_indexes == {"number": "integer"}


async def test_what_comes_while_an_index_is_built_is_in_it_or_beside_it(
    settings: EmbeddedSettings, store: VectorStore, databases: VectorDatabases
) -> None:
    await store.create("notes", vector_size=SIZE, distance="Euclid", indexes={})
    last, enough = 0, settings.index_after_bytes // (4 * SIZE) + BATCH
    while last < enough:
        await store.upsert("notes", body(last))
        last += BATCH
    while not await is_building(store) and await indexed(store) == 0:
        await asyncio.sleep(0.01)
    while await indexed(store) == 0:
        await store.upsert("notes", body(last))
        last += BATCH

    await check(store, set(range(0, last, 7)))
    assert (await store.collection("notes")).num_points == last
    await databases.stop()
    assert (await store.collection("notes")).num_points == last
    assert await indexed(store) >= enough


async def test_what_a_killed_process_has_left_behind_is_cleared_away(
    settings: EmbeddedSettings, databases: VectorDatabases, store: VectorStore
) -> None:
    await store.create("notes", vector_size=SIZE, distance="Euclid", indexes={})
    await store.upsert("notes", body(0))
    await databases.stop()
    collections = settings.folder / "collections"
    for left in (collections / ".half-made", collections / "notes" / "1", collections / ".gone"):
        left.mkdir()
        (left / "something").write_text("")

    again = VectorDatabases(settings)
    store = await again.find(LOCAL, user="")

    assert await store.collections() == ("notes",)
    assert (await store.collection("notes")).num_points == BATCH
    assert sorted(path.name for path in collections.iterdir()) == ["notes"]
    assert {path.name for path in (collections / "notes").iterdir()} == {"0", "collection.json"}
    await again.stop()


def test_a_server_that_is_killed_loses_nothing_either() -> None:
    with LiveServer() as server:
        notes = "api/v1/vector-db/local/collections/notes"
        server.json(notes, {"vector_size": SIZE, "distance": "Euclid"}, method="PUT")
        last = 0
        for number in range(3):
            for _ in range(5):
                points = json.loads(body(last))
                assert server.json(f"{notes}/points", points, method="PUT")["success"]
                last += BATCH
            if number == 1:  # the port is free again when its owner is gone
                server.stop(signal.SIGKILL)
                server.start_again()
            assert server.json(notes)["collection_info"]["points_count"] == last
        asked = {"query_vector": vector(last - 1), "limit": 1}
        [found] = server.json(f"{notes}/points/search", asked)["results"]
        assert found["id"] == last - 1
