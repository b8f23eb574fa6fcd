"""Qdrant's own client, as it is, finds in the embedded database what it expects of a Qdrant."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from qdrant import KEY, qdrant
from qdrant_client import QdrantClient, models
from qdrant_client.http.exceptions import UnexpectedResponse

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SIZE = 4
NOTE = UUID("6f2b5c1e-5d0f-4c53-9d8e-2f0a3c1b7e11")
COSINE = models.VectorParams(size=SIZE, distance=models.Distance.COSINE)


@pytest.fixture
def client(tmp_path: Path) -> Iterator[QdrantClient]:
    with qdrant(tmp_path) as url:
        client = QdrantClient(url=url, api_key=KEY, check_compatibility=False, timeout=30)
        yield client
        client.close()


def is_kind(value: str) -> models.Filter:
    match = models.MatchValue(value=value)
    return models.Filter(must=[models.FieldCondition(key="kind", match=match)])


@pytest.mark.filterwarnings("ignore:Api key is used with an insecure connection")
def test_the_client_does_its_whole_work(client: QdrantClient) -> None:
    assert client.create_collection("notes", vectors_config=COSINE)
    assert client.collection_exists("notes")
    assert not client.collection_exists("others")
    client.create_payload_index("notes", "kind", models.PayloadSchemaType.KEYWORD)
    points = [
        models.PointStruct(id=1, vector=[1, 0, 0, 0], payload={"kind": "a", "number": 1}),
        models.PointStruct(id=2, vector=[0, 1, 0, 0], payload={"kind": "b", "number": 2}),
        models.PointStruct(id=str(NOTE), vector=[1, 1, 0, 0], payload={"kind": "b"}),
    ]
    client.upsert("notes", points, wait=True)
    batch = models.Batch(ids=[7], vectors=[[0.0, 0.0, 0.0, 1.0]], payloads=[{"kind": "c"}])
    client.upsert("notes", batch)

    assert [one.name for one in client.get_collections().collections] == ["notes"]
    about = client.get_collection("notes")
    assert (about.points_count, about.config.params.vectors) == (4, COSINE)
    assert about.payload_schema["kind"].data_type == models.PayloadSchemaType.KEYWORD
    found = client.query_points("notes", query=[1, 0, 0, 0], limit=2, with_vectors=True).points
    assert [point.id for point in found] == [1, str(NOTE)]
    assert found[0].score == pytest.approx(1)
    assert found[0].payload == {"kind": "a", "number": 1}
    found = client.query_points("notes", query=[1, 0, 0, 0], query_filter=is_kind("b")).points
    assert [point.id for point in found] == [str(NOTE), 2]
    assert client.count("notes", count_filter=is_kind("b")).count == 2
    [record] = client.retrieve("notes", [2, 99], with_vectors=True)
    assert (record.payload, record.vector) == ({"kind": "b", "number": 2}, [0, 1, 0, 0])
    page, after = client.scroll("notes", limit=2)
    rest, end = client.scroll("notes", limit=5, offset=after)
    assert ({one.id for one in page} | {one.id for one in rest}, end) == (
        {1, 2, 7, str(NOTE)},
        None,
    )
    client.delete("notes", points_selector=[1])
    client.delete("notes", points_selector=models.FilterSelector(filter=is_kind("b")))
    assert client.count("notes").count == 1
    assert client.delete_collection("notes")
    assert not client.collection_exists("notes")


@pytest.mark.filterwarnings("ignore:Api key is used with an insecure connection")
def test_the_client_is_refused_in_the_words_that_it_knows(client: QdrantClient) -> None:
    client.create_collection("notes", vectors_config=COSINE)

    with pytest.raises(UnexpectedResponse, match="409"):
        client.create_collection("notes", vectors_config=COSINE)
    with pytest.raises(UnexpectedResponse, match="404"):
        client.query_points("others", query=[1, 0, 0, 0])
    with pytest.raises(UnexpectedResponse, match="expected dim: 4, got 2"):
        client.upsert("notes", [models.PointStruct(id=1, vector=[1, 0])])
    with pytest.raises(UnexpectedResponse, match="400"):
        client.create_collection(".notes", vectors_config=COSINE)


def test_nobody_is_let_in_without_the_key(tmp_path: Path) -> None:
    with qdrant(tmp_path) as url:
        client = QdrantClient(url=url, check_compatibility=False)
        with pytest.raises(UnexpectedResponse, match="401"):
            client.get_collections()
        client.close()
