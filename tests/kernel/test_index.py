"""`llm.index` and `llm.search`: texts put into a collection, and found by what they mean."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from jupyter_llm import LLM
from jupyter_llm.client.documents import Document, documents_of
from jupyter_llm.client.search_results import SearchResult, SearchResults
from jupyter_llm.client.vector_requests import condition
from jupyter_llm.errors import CollectionNotFoundError, InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from live import LiveServer

TEXTS = [
    "Cells run in the order that you choose.",
    "The kernel keeps your variables until it is restarted.",
    "Keys are shown once; the server keeps only a hash of them.",
]


@pytest.fixture
def llm(guide_server: LiveServer) -> Iterator[LLM]:
    with LLM(guide_server.url, guide_server.token, model="guide") as llm:
        yield llm


def test_what_is_put_in_is_found(llm: LLM, request: pytest.FixtureRequest) -> None:
    name = "found"
    assert llm.index(TEXTS, name, progress=False) == 3
    assert llm.index(TEXTS[:2], name, progress=False) == 2

    best, *others = llm.search(TEXTS[1], name)
    assert (best.text, best.fields) == (TEXTS[1], {})
    assert best.score == pytest.approx(1, abs=1e-4)
    assert len(others) == 2  # each is there once
    assert len(llm.search(TEXTS[1], name, limit=1)) == 1
    with pytest.raises(CollectionNotFoundError):
        llm.search("What?", "nowhere")


def test_columns_come_along_and_can_be_asked_for(llm: LLM) -> None:
    frame = pd.DataFrame(
        {
            "text": [*TEXTS, None],
            "topic": ["cells", "kernel", "keys", "none"],
            "day": pd.to_datetime(["2026-01-01"] * 4),
            "stars": [1, 2, np.nan, 4],
        }
    )
    assert llm.index(frame, "columns", indexes={"topic": "keyword"}, progress=False) == 3

    results = llm.search("kernel", "columns", where={"topic": ["cells", "keys"]})
    assert {one.fields["topic"] for one in results} == {"cells", "keys"}
    assert {one.fields["day"] for one in results} == {"2026-01-01T00:00:00"}
    table = results.frame()
    assert list(table.columns) == ["text", "score", "topic", "day", "stars"]
    assert table["score"].is_monotonic_decreasing
    exact = {"must": [{"key": "stars", "range": {"gte": 2}}]}
    [only] = llm.search("kernel", "columns", where=exact)
    assert only.fields["stars"] == 2


def test_another_models_collection_is_told_of(llm: LLM) -> None:
    llm.index(TEXTS, "sized", progress=False)

    with pytest.raises(InvalidRequestError) as raised:
        llm.index(["one more"], "sized", model="echo", progress=False)
    assert any("replace=True" in note for note in raised.value.__notes__)
    assert any("0 of 1" in note for note in raised.value.__notes__)
    with pytest.raises(InvalidRequestError):
        llm.search("one more", "sized", model="echo")
    assert llm.index(["one more"], "sized", model="echo", replace=True, progress=False) == 1
    assert llm.search("one more", "sized", model="echo").texts == ["one more"]


async def test_an_event_loop_has_the_same(guide_server: LiveServer) -> None:
    llm = LLM(guide_server.url, guide_server.token)

    assert await llm.aindex(TEXTS * 30, "looped", progress=False) == 90
    assert (await llm.asearch(TEXTS[0], "looped", limit=2)).texts[0] == TEXTS[0]


def test_the_column_with_the_text_is_named_or_plain() -> None:
    rows = [{"title": "A", "body": "One", "n": 1}, {"title": "B", "body": None, "n": 2}]

    assert documents_of(rows, "body") == [Document(text="One", fields={"title": "A", "n": 1})]
    assert documents_of([{"body": "One", "n": 1}], None) == [Document(text="One", fields={"n": 1})]
    assert documents_of(pd.Series(["One", None, "Two"]), None)[1].text == "Two"
    with pytest.raises(InvalidRequestError, match="Which column"):
        documents_of(rows, None)
    with pytest.raises(InvalidRequestError, match="no column 'text'"):
        documents_of(rows, "text")
    for wrong in ("one text", [3], [" "]):
        with pytest.raises(InvalidRequestError) as raised:
            documents_of(wrong, None)
        assert raised.value.param == "data"


def test_cells_become_json() -> None:
    cells: dict[str, Any] = {
        "text": "One",
        "int": np.int64(3),
        "float": np.float32(0.5),
        "nan": float("nan"),
        "infinite": float("inf"),
        "time": pd.Timestamp("2026-01-01"),
        "nat": pd.NaT,
        "na": pd.NA,
        "day": dt.date(2026, 1, 1),
        "list": [np.int64(1), None],
        "array": np.array([1.0, 2.0]),
        "dict": {1: np.bool_(True)},
        "other": 1 + 2j,
    }

    [document] = documents_of([cells], None)

    assert json.loads(json.dumps(document.payload, allow_nan=False)) == {
        "text": "One",
        "int": 3,
        "float": 0.5,
        "nan": None,
        "infinite": None,
        "time": "2026-01-01T00:00:00",
        "nat": None,
        "na": None,
        "day": "2026-01-01",
        "list": [1, None],
        "array": [1.0, 2.0],
        "dict": {"1": True},
        "other": "(1+2j)",
    }


def test_the_same_row_has_the_same_id() -> None:
    first, again, other = (
        documents_of([{"text": "One", "n": n}], None)[0].id for n in (1, np.int64(1), 2)
    )

    assert first == again != other


def test_a_condition_is_columns_or_qdrants_own() -> None:
    assert condition({"a": 1, "b": ["x", "y"]}) == {
        "must": [
            {"key": "a", "match": {"value": 1}},
            {"key": "b", "match": {"any": ["x", "y"]}},
        ]
    }
    own = {"should": [{"is_null": {"key": "a"}}]}
    assert condition(own) == own


def test_results_are_a_table() -> None:
    results = SearchResults(
        [SearchResult(text="One\ntwo " + "x" * 200, score=0.5, id=1, fields={"a|b": 3})]
    )

    assert results._repr_markdown_().splitlines()[0] == "| score | text | a\\|b |"
    assert "0.500  One two xxx" in repr(results)
    assert repr(SearchResults()) == "Nothing was found."
    assert list(SearchResults().frame().columns) == ["text", "score"]
