"""`/api/v1/vector-db`: the requests that are documented, and what is wrong with others."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from jupyter_llm.errors import EngineDiedError

sys.path.append(str(Path(__file__).parents[1] / "vectors"))

if TYPE_CHECKING:
    from conftest import Call

    from jupyter_llm.app import LLMExtension


LOCAL = "api/v1/vector-db/local/"
ONE = f"{LOCAL}collections/my_documents"
TWO_POINTS = {
    "points": [
        {"id": 1, "vector": [0.1, 0.2, 0.3, 0.4], "payload": {"text": "First document"}},
        {"id": 2, "vector": [0.4, 0.5, 0.6, 0.7], "payload": {"text": "Second document"}},
    ]
}
SEARCH = {"query_vector": [0.1, 0.2, 0.3, 0.4], "limit": 5}


async def test_the_documented_requests_are_answered(call: Call) -> None:
    assert (await call(f"{LOCAL}collections")).json["collections"] == []

    size = {"vector_size": 4, "distance": "Cosine"}
    made = await call(ONE, size, method="PUT")
    assert made.status == 200
    assert made.json.items() >= {"success": True, "collection_name": "my_documents", **size}.items()
    put_in = await call(f"{ONE}/points", TWO_POINTS, method="PUT")
    assert put_in.json["num_points"] == 2
    found = (await call(f"{ONE}/points/search", SEARCH)).json
    assert (found["success"], found["num_results"]) == (True, 2)
    first, second = found["results"]
    assert first == {"id": 1, "score": pytest.approx(1), "payload": {"text": "First document"}}
    assert second["payload"] == {"text": "Second document"}
    assert (await call(f"{LOCAL}collections")).json["collections"] == ["my_documents"]
    info = (await call(ONE)).json["collection_info"]
    assert info["points_count"] == 2
    assert info["config"]["params"]["vectors"] == {"size": 4, "distance": "Cosine"}
    metrics = await call(f"{LOCAL}metrics")
    assert metrics.headers["Content-Type"].startswith("text/plain")
    assert b'collection_points{id="my_documents"} 2.0' in metrics.body
    assert (await call(ONE, method="DELETE")).json["success"]
    assert (await call(f"{LOCAL}collections")).json["collections"] == []


async def test_a_filter_and_vectors_can_be_asked_for(call: Call) -> None:
    indexes = {"text": "keyword"}
    await call(ONE, {"vector_size": 4, "payload_indexes": indexes}, method="PUT")
    await call(f"{ONE}/points", TWO_POINTS, method="PUT")
    second = {"must": [{"key": "text", "match": {"value": "Second document"}}]}
    asked = {**SEARCH, "filter": second, "with_payload": False, "with_vector": True}

    [found] = (await call(f"{ONE}/points/search", asked)).json["results"]

    assert (found["id"], found["payload"], len(found["vector"])) == (2, None, 4)
    assert (await call(ONE)).json["collection_info"]["payload_indexes"] == indexes


def point(**fields: Any) -> dict[str, Any]:
    return {"points": [{"id": 1, "vector": [0, 0, 0, 1], **fields}]}


WRONG: tuple[tuple[str, str, Any, str | None], ...] = (
    ("PUT", f"{ONE}2", {}, "vector_size"),
    ("PUT", f"{ONE}2", {"vector_size": 0}, "vector_size"),
    ("PUT", f"{ONE}2", {"vector_size": 4, "distance": "Hamming"}, "distance"),
    ("PUT", f"{ONE}2", {"vector_size": 4, "shards": 2}, "shards"),
    ("PUT", f"{ONE}2", {"vector_size": 4, "payload_indexes": {"a": "b"}}, "payload_indexes[...]"),
    ("PUT", f"{LOCAL}collections/a%2F..%2Fb", {"vector_size": 4}, "name"),
    ("PUT", f"{LOCAL}collections/..", {"vector_size": 4}, "name"),
    ("PUT", f"{LOCAL}collections/.hidden", {"vector_size": 4}, "name"),
    ("PUT", f"{ONE}/points", b"{", None),
    ("PUT", f"{ONE}/points", {"points": []}, "points"),
    ("PUT", f"{ONE}/points", {"points": [{"id": 1}]}, "points[0].vector"),
    ("PUT", f"{ONE}/points", point(id="one"), "points[0].id"),
    ("PUT", f"{ONE}/points", point(id=-1), "points[0].id"),
    ("PUT", f"{ONE}/points", point(vector=[1, 2]), "points[0].vector"),
    ("PUT", f"{ONE}/points", point(vector=["a", 1, 2, 3]), "points[0].vector[0]"),
    ("PUT", f"{ONE}/points", point(payload=[]), "points[0].payload"),
    ("PUT", f"{ONE}/points", point(sparse=[]), "points[0].sparse"),
    ("POST", f"{ONE}/points/search", {}, "query_vector"),
    ("POST", f"{ONE}/points/search", {"query_vector": [1, 2]}, "query_vector"),
    ("POST", f"{ONE}/points/search", {**SEARCH, "limit": 0}, "limit"),
    ("POST", f"{ONE}/points/search", {**SEARCH, "offset": -1}, "offset"),
    ("POST", f"{ONE}/points/search", {**SEARCH, "top": 3}, "top"),
    ("POST", f"{ONE}/points/search", {**SEARCH, "filter": {"any": []}}, "filter.any"),
)


async def test_what_is_wrong_is_named(call: Call) -> None:
    await call(ONE, {"vector_size": 4}, method="PUT")

    for method, path, body, param in WRONG:
        answer = await call(path, body, method=method)
        assert (answer.status, answer.error["param"]) == (400, param), (path, body)
    assert (await call(f"{LOCAL}collections")).json["collections"] == ["my_documents"]


async def test_what_is_not_there_is_a_404_and_what_is_there_a_409(call: Call) -> None:
    await call(ONE, {"vector_size": 4}, method="PUT")

    again = await call(ONE, {"vector_size": 4}, method="PUT")
    assert (again.status, again.error["code"]) == (409, "collection_exists")
    others = f"{LOCAL}collections/others"
    for path, body, method in (
        (others, None, "GET"),
        (others, None, "DELETE"),
        (f"{others}/points", TWO_POINTS, "PUT"),
        (f"{others}/points/search", SEARCH, "POST"),
    ):
        answer = await call(path, body, method=method)
        assert (answer.status, answer.error["code"]) == (404, "collection_not_found")
    for database in ("3642875", "far", "..%2Flocal"):
        answer = await call(f"api/v1/vector-db/{database}/collections")
        assert (answer.status, answer.error["code"]) == (404, "vector_db_not_found")


async def test_a_large_body_is_not_read_on_the_event_loop(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    import threading

    from jupyter_llm.handlers import vectors

    readers: list[bool] = []

    def num_points(body: bytes) -> int:
        readers.append(threading.current_thread() is threading.main_thread())
        return len(json.loads(body)["points"])

    monkeypatch.setattr(vectors, "num_points", num_points)
    await call(ONE, {"vector_size": 4}, method="PUT")
    many = [{"id": number, "vector": [0.25, 0, 0, 1]} for number in range(5000)]

    answer = await call(f"{ONE}/points", {"points": many}, method="PUT")

    assert (answer.status, answer.json["num_points"]) == (200, 5000)
    assert readers == [False]


async def test_a_process_that_dies_in_the_middle_is_told_of(
    call: Call, extension: LLMExtension, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = await extension.vectors.find("local", user="")

    async def died(*_args: Any, **_options: Any) -> None:
        raise EngineDiedError("It has died.")

    monkeypatch.setattr(store, "_sent", died)

    assert (await call(f"{LOCAL}collections")).status == 502


class TestByUrl:
    @pytest.fixture
    def jp_server_config(
        self, jp_server_config: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> Any:
        from qdrant import KEY, qdrant

        monkeypatch.setenv("FAR_KEY", KEY)
        with qdrant(tmp_path / "far") as url:
            far = {"id": "far", "url": url, "key_env": "FAR_KEY"}
            jp_server_config["LLMExtension"] = {"vector_dbs": [far]}
            yield jp_server_config

    async def test_a_configured_database_is_one_more(
        self, call: Call, extension: LLMExtension
    ) -> None:
        one = "api/v1/vector-db/far/collections/docs"
        await call(one, {"vector_size": 4}, method="PUT")
        await call(f"{one}/points", TWO_POINTS, method="PUT")

        found = (await call(f"{one}/points/search", SEARCH)).json["results"]

        assert [point["id"] for point in found] == [1, 2]
        assert (await call("api/v1/vector-db/far/collections")).json["collections"] == ["docs"]
        assert extension.vectors.embedded.pid is None
