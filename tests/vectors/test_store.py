"""The one way to a vector database, with the embedded one at its end."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from qdrant import KEY, qdrant

from jupyter_llm.errors import (
    CollectionExistsError,
    CollectionNotFoundError,
    EngineUnavailableError,
    InvalidRequestError,
    UpstreamError,
    VectorDatabaseNotFoundError,
    VectorStoreError,
)
from jupyter_llm.types import VectorQuery
from jupyter_llm.vectors.address import Address
from jupyter_llm.vectors.config import databases_of
from jupyter_llm.vectors.databases import VectorDatabases

if TYPE_CHECKING:
    from jupyter_llm.vectors.running import EmbeddedSettings
    from jupyter_llm.vectors.store import VectorStore

SIZE = 4
UNIT = [[float(row == column) for column in range(SIZE)] for row in range(SIZE)]


def body(*points: dict[str, Any]) -> bytes:
    return json.dumps({"points": points}).encode()


def near(number: int, **query: Any) -> VectorQuery:
    return VectorQuery(vector=tuple(UNIT[number]), **query)


async def made(store: VectorStore, name: str = "notes") -> None:
    """A collection of four points with vectors at right angles."""
    await store.create(name, vector_size=SIZE, distance="Cosine", indexes={"kind": "keyword"})
    kinds = ("a", "b", "a", "b")
    points = [
        {"id": number, "vector": UNIT[number], "payload": {"kind": kinds[number]}}
        for number in range(SIZE)
    ]
    await store.upsert(name, body(*points))


async def test_what_is_put_in_is_found(store: VectorStore) -> None:
    await made(store)

    best, *others = await store.search("notes", near(1, limit=3))
    assert (best.id, best.payload, best.vector) == (1, {"kind": "b"}, None)
    assert best.score == pytest.approx(1)
    assert [point.score for point in others] == [0, 0]
    only = {"must": [{"key": "kind", "match": {"value": "a"}}]}
    found = await store.search("notes", near(2, filter=only, with_payload=False, with_vector=True))
    assert [point.id for point in found] in ([2, 0], [2, 0])
    assert (found[0].payload, found[0].vector) == (None, tuple(UNIT[2]))
    [] = await store.search("notes", near(2, filter=only, score_threshold=0.5, offset=1))
    assert await store.collections() == ("notes",)
    about = await store.collection("notes")
    assert (about.vector_size, about.distance, about.num_points) == (SIZE, "Cosine", SIZE)
    assert about.payload_indexes == {"kind": "keyword"}


async def test_a_point_takes_the_place_of_one_with_its_id(store: VectorStore) -> None:
    await made(store)
    await store.upsert("notes", body({"id": 1, "vector": UNIT[3], "payload": {"kind": "new"}}))

    assert (await store.collection("notes")).num_points == SIZE
    assert [one.score for one in await store.search("notes", near(1, limit=1))] == [0]


WRONG_POINTS = (
    ({"id": "one", "vector": UNIT[0]}, "points[1].id"),
    ({"id": -1, "vector": UNIT[0]}, "points[1].id"),
    ({"id": 2**64, "vector": UNIT[0]}, "points[1].id"),
    ({"id": 1.5, "vector": UNIT[0]}, "points[1].id"),
    ({"id": 1, "vector": [1.0, 2.0]}, "points[1].vector"),
    ({"id": 1, "vector": "abcd"}, "points[1].vector"),
    ({"id": 1, "vector": ["a", "b", "c", "d"]}, "points[1].vector[0]"),
    ({"id": 1, "vector": UNIT[0], "payload": 3}, "points[1].payload"),
    ({"id": 1}, "points[1].vector"),
)


async def test_a_wrong_point_is_named_and_none_is_put_in(store: VectorStore) -> None:
    await made(store)

    for point, param in WRONG_POINTS:
        with pytest.raises(InvalidRequestError) as raised:
            await store.upsert("notes", body({"id": 99, "vector": UNIT[0]}, point))
        assert raised.value.param == param
    assert (await store.collection("notes")).num_points == SIZE


WRONG_FILTERS: tuple[tuple[dict[str, Any], str], ...] = (
    ({"most": []}, "filter.most"),
    ({"must": [3]}, "filter.must[0]"),
    ({"must": [{"key": "kind", "match": {"like": "a"}}]}, "filter.must[0].match.like"),
    ({"must": [{"key": "kind"}]}, "filter.must[0]"),
    ({"should": [{"key": "k[", "match": {"value": 1}}]}, "filter.should[0]"),
    ({"must_not": [{"has_id": ["x"]}]}, "filter.must_not[0]"),
    ({"must": [{"key": "n", "range": {"gt": "soon"}}]}, "filter.must[0]"),
    ({"must": [{"must": [{"nested": 3}]}]}, "filter.must[0].must[0]"),
)


async def test_what_is_wrong_with_a_filter_is_named(store: VectorStore) -> None:
    await made(store)

    for condition, param in WRONG_FILTERS:
        with pytest.raises(InvalidRequestError) as raised:
            await store.search("notes", near(0, filter=condition))
        assert raised.value.param == param


async def test_filters_say_what_they_say_in_qdrant(store: VectorStore) -> None:
    await store.create("docs", vector_size=SIZE, distance="Dot", indexes={})
    payloads = [
        {"n": 1, "tags": ["x", "y"], "at": "2026-01-01T00:00:00Z", "words": "a quick fox"},
        {"n": 2, "tags": [], "at": "2026-06-01T00:00:00Z", "words": "lazy"},
        {"n": 3, "tags": ["y"], "at": None, "in": [{"a": 1, "b": 2}, {"a": 2, "b": 1}]},
    ]
    points = [{"id": n, "vector": UNIT[0], "payload": one} for n, one in enumerate(payloads)]
    await store.upsert("docs", body(*points))

    async def ids(condition: dict[str, Any]) -> list[int | str]:
        found = await store.search("docs", near(0, filter=condition))
        return sorted(point.id for point in found)

    assert await ids({"must": [{"key": "n", "range": {"gt": 1, "lte": 2}}]}) == [1]
    assert await ids({"must": {"key": "tags", "match": {"any": ["x"]}}}) == [0]
    assert await ids({"must_not": [{"key": "n", "match": {"value": 3}}]}) == [0, 1]
    assert await ids({"must": [{"key": "n", "match": {"except": [1]}}]}) == [1, 2]
    assert await ids({"must": [{"key": "at", "range": {"lt": "2026-02-01T00:00:00Z"}}]}) == [0]
    assert await ids({"must": [{"is_empty": {"key": "tags"}}]}) == [1]
    assert await ids({"must": [{"is_null": {"key": "at"}}]}) == [2]
    assert await ids({"must": [{"has_id": [0, 2]}]}) == [0, 2]
    assert await ids({"must": [{"key": "tags", "values_count": {"gte": 2}}]}) == [0]
    two = [{"key": "a", "match": {"value": 1}}, {"key": "b", "match": {"value": 1}}]
    assert await ids({"must": [{"nested": {"key": "in", "filter": {"must": two}}}]}) == []
    assert await ids({"must": [{"nested": {"key": "in", "filter": {"must": two[:1]}}}]}) == [2]
    many = [{"key": "n", "match": {"value": n}} for n in (1, 2)]
    assert await ids({"should": many}) == [0, 1]
    at_least = {"conditions": [*many, {"has_id": [0]}], "min_count": 2}
    assert await ids({"min_should": at_least}) == [0]


NAMES = (
    *("", ".", "..", "../notes", "..%2fnotes", "a/b", "a\\b", "/etc", ".hidden", "-x", "a b"),
    *("a\0b", "a\nb", "ä", "a?b", "a#b", "a%00", "*", "~", "a:b", "x" * 129),
)


@pytest.mark.parametrize("name", NAMES)
async def test_a_name_is_part_of_no_other_path(
    store: VectorStore, settings: EmbeddedSettings, name: str
) -> None:
    with pytest.raises(InvalidRequestError) as raised:
        await store.create(name, vector_size=SIZE, distance="Cosine", indexes={})

    assert raised.value.param == "name"
    assert not settings.folder.exists()


async def test_collections_are_made_and_deleted_once(store: VectorStore) -> None:
    await made(store)

    with pytest.raises(CollectionExistsError):
        await made(store)
    await store.delete("notes")
    with pytest.raises(CollectionNotFoundError):
        await store.delete("notes")
    with pytest.raises(CollectionNotFoundError):
        await store.search("notes", near(0))
    await made(store)
    assert (await store.collection("notes")).num_points == SIZE


async def test_nothing_starts_before_it_is_used_and_all_ends_with_the_server(
    databases: VectorDatabases, store: VectorStore, settings: EmbeddedSettings
) -> None:
    assert databases.embedded.pid is None
    await made(store)
    pid = databases.embedded.pid
    assert pid is not None
    address = await databases.embedded.address()
    assert stat.S_IMODE(settings.folder.stat().st_mode) == 0o700

    await databases.stop()

    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert address.socket_path
    assert not Path(address.socket_path).parent.exists()
    assert (await store.collection("notes")).num_points == SIZE


async def test_a_second_server_is_told_who_has_the_folder(
    store: VectorStore, settings: EmbeddedSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    await made(store)
    second = VectorDatabases(settings)
    try:
        with pytest.raises(VectorStoreError, match="Another server uses"):
            await (await second.find("local", user="")).collections()
    finally:
        await second.stop()


async def test_it_is_started_again_after_it_has_died(
    databases: VectorDatabases, store: VectorStore
) -> None:
    await made(store)
    for _ in range(3):
        pid = databases.embedded.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        assert (await store.collection("notes")).num_points == SIZE
        assert databases.embedded.pid != pid


async def test_a_folder_that_cannot_be_is_told_of(tmp_path: Path) -> None:
    from jupyter_llm.vectors.running import EmbeddedSettings

    (tmp_path / "file").write_text("")
    databases = VectorDatabases(EmbeddedSettings(folder=tmp_path / "file" / "vectors"))
    with pytest.raises(VectorStoreError, match="vectors_dir"):
        await (await databases.find("local", user="")).collections()
    await databases.stop()


async def test_what_is_not_installed_is_said_with_the_command(
    store: VectorStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jupyter_llm.vectors.process.find_spec", lambda _name: None)

    with pytest.raises(EngineUnavailableError, match=r"pip install 'jupyter-llm\[vectors\]'"):
        await store.collections()


class TestElsewhere:
    async def test_a_qdrant_by_url_is_asked_the_same_way(
        self, tmp_path: Path, settings: EmbeddedSettings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("FAR_KEY", KEY)
        with qdrant(tmp_path) as url:
            remotes = databases_of([{"id": "far", "url": f"{url}/", "key_env": "FAR_KEY"}])
            databases = VectorDatabases(settings, remotes)
            far = await databases.find("far", user="anybody")
            await made(far)
            assert [one.id for one in await far.search("notes", near(3, limit=1))] == [3]
            assert b"collections_total 1.0" in await far.metrics()
            with pytest.raises(InvalidRequestError) as raised:
                await far.search("notes", VectorQuery(vector=(1.0,)))
            assert raised.value.param == "query_vector"
            monkeypatch.setenv("FAR_KEY", "another")
            with pytest.raises(UpstreamError, match="refuses this server's key"):
                await far.collections()
        with pytest.raises(UpstreamError, match="cannot be reached"):
            await far.collections()
        assert databases.embedded.pid is None
        await databases.stop()

    async def test_a_service_is_its_owners(
        self, tmp_path: Path, settings: EmbeddedSettings
    ) -> None:
        with qdrant(tmp_path) as url:

            async def services(service_id: str, user: str) -> Address | None:
                mine = (service_id, user) == ("3642875", "ann")
                return Address(url=url, api_key=KEY) if mine else None

            databases = VectorDatabases(settings, services=services)
            await made(await databases.find("3642875", user="ann"))
            again = await databases.find("3642875", user="ann")
            assert await again.collections() == ("notes",)
            for service_id, user in (("3642875", "bob"), ("3642876", "ann"), ("..", "ann")):
                with pytest.raises(VectorDatabaseNotFoundError):
                    await databases.find(service_id, user=user)
            await databases.stop()

    @pytest.mark.parametrize(
        ("entry", "words"),
        [
            ({"id": "far"}, "url"),
            ({"id": "local", "url": "http://far:6333"}, "taken"),
            ({"id": "12", "url": "http://far:6333"}, r"vector_dbs\[0\].id"),
            ({"id": "far", "url": "file:///etc"}, r"vector_dbs\[0\].url"),
            ({"id": "far", "url": "http://me:secret@far"}, r"vector_dbs\[0\].url"),
            ({"id": "far", "url": "http://far", "key": "secret"}, "unknown field `key`"),
            ({"id": "far", "url": "http://far", "key_env": "A", "key_file": "b"}, "key_file"),
            ("far", r"vector_dbs\[0\]"),
        ],
    )
    def test_a_wrong_entry_is_named_without_its_value(self, entry: Any, words: str) -> None:
        with pytest.raises(ValueError, match=words) as raised:
            databases_of([entry])

        assert "secret" not in str(raised.value)


async def test_many_ask_at_once(store: VectorStore) -> None:
    await made(store)

    async def one(number: int) -> None:
        point = {"id": 100 + number, "vector": UNIT[number % SIZE]}
        await store.upsert("notes", body(point))
        assert (await store.search("notes", near(number % SIZE, limit=1)))[0].score > 0.99

    await asyncio.gather(*(one(number) for number in range(40)))
    assert (await store.collection("notes")).num_points == SIZE + 40
