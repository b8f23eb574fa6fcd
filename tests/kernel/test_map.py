"""`llm.map`: many rows, several at a time, against a real server."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
import pydantic
import pytest
from live_kernel import LiveKernel, eventually

from jupyter_llm import LLM
from jupyter_llm.client.cache import cache_path
from jupyter_llm.errors import (
    InvalidRequestError,
    ModelNotFoundError,
    RowsFailedError,
    ServerNotFoundError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from live import LiveServer


@dataclass
class Verdict:
    word: Literal["yes", "no"]
    sure: bool


class Model(pydantic.BaseModel):
    word: Literal["yes", "no"] = pydantic.Field(alias="the word")


@pytest.fixture
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "data"))
    return tmp_path / "data"


@pytest.fixture
def llm(guide_server: LiveServer, data_dir: Path) -> Iterator[LLM]:
    """Echo, whose answers are known, and a cache of its own."""
    with LLM(guide_server.url, guide_server.token, model="echo") as llm:
        yield llm


class Counter:
    """How many requests the server has answered for a model."""

    def __init__(self, server: LiveServer, model: str = "echo") -> None:
        self._server, self._model = server, model
        self._before = self._total()

    def _total(self) -> int:
        """Those that ended well."""
        with self._server.open("metrics") as answer:
            lines = answer.read().decode().splitlines()
        counts = [
            float(line.split()[-1])
            for line in lines
            if line.startswith("jupyter_llm_requests_total{")
            and f'model="{self._model}"' in line
            and 'outcome="cancelled"' not in line
        ]
        return int(sum(counts))

    @property
    def num_asked(self) -> int:
        return self._total() - self._before


def test_a_list_gives_a_list_in_its_order(llm: LLM) -> None:
    texts = [f"text {number}" for number in range(40)]

    assert llm.map(texts) == texts
    assert llm.map(iter(texts), "Repeat: {}") == [f"Repeat: {text}" for text in texts]
    assert llm.map(["a"], "First {value}, then {value}, {other}") == ["First a, then a, {other}"]
    assert llm.map(["a{}"], "Say") == ["Say\n\na{}"]
    assert llm.map([3], lambda number: [{"role": "user", "content": "x" * number}]) == ["xxx"]
    assert llm.map([{"a": 1, "b": 2}], "{a} and {b}") == ["1 and 2"]
    assert llm.map([]) == []


def test_a_series_keeps_its_index_and_its_gaps(llm: LLM) -> None:
    texts = pd.Series(["one", None, "two", np.nan, pd.NA], index=list("abcde"))
    answers = llm.map(texts, "{}!")

    assert list(answers.index) == list("abcde")
    assert answers["a"] == "one!"
    assert answers["c"] == "two!"
    assert [answers[name] for name in "bde"] == [None, None, None]


def test_rows_of_a_frame_are_named_by_their_columns(llm: LLM) -> None:
    frame = pd.DataFrame({"name": ["Ada", "Bob"], "age": [36, 7]}, index=[5, 9])

    assert list(llm.map(frame, "{name} is {age}")) == ["Ada is 36", "Bob is 7"]
    assert llm.map(frame, "Who?")[9] == "Who?\n\nname: Bob\nage: 7"


@pytest.mark.parametrize("schema", [Verdict, Model])
def test_fields_become_columns(llm: LLM, schema: Any) -> None:
    texts = pd.Series(["Are you sure?", None, "Really?"], index=[1, 2, 3], name="text")
    found = llm.map(texts, schema=schema, model="guide")

    columns = ["word", "sure"] if schema is Verdict else ["the word"]
    assert list(found.columns) == columns
    assert list(found.index) == [1, 2, 3]
    assert set(found[columns[0]].dropna()) <= {"yes", "no"}
    assert found.loc[2].isna().all()
    assert found.loc[[1, 3]].notna().all().all()


def test_values_without_fields_stay_values(llm: LLM) -> None:
    assert set(llm.map(["Sure?", "No?"], schema=["yes", "no"], model="guide")) <= {"yes", "no"}
    series = llm.map(pd.Series(["Sure?"]), "How many? {}", schema=bool, model="guide")
    assert series.dtype == bool
    (value,) = llm.map(["Sure?"], schema=Verdict, model="guide")
    assert isinstance(value, Verdict)


def test_what_was_answered_is_not_asked_again(llm: LLM, live_guide: Counter) -> None:
    texts = [f"text {number % 10}" for number in range(30)]
    first = llm.map(texts)
    assert live_guide.num_asked == 10
    assert llm.map([*texts, "new"]) == [*first, "new"]
    assert live_guide.num_asked == 11
    llm.map(texts, cache=False)
    assert live_guide.num_asked == 41
    assert llm.clear_cache() == 11


@pytest.fixture
def live_guide(guide_server: LiveServer, llm: LLM) -> Counter:
    llm.chat("Hello")
    return Counter(guide_server)


def test_rows_that_fail_are_reported_and_lose_no_others(llm: LLM) -> None:
    def prompt(number: int) -> str:
        return f"row {10 // number}"

    with pytest.warns(UserWarning, match="1 of 3 rows have no answer") as warned:
        answers = llm.map(pd.Series([5, 0, 10], index=list("abc")), prompt)
    assert answers.tolist() == ["row 2", None, "row 1"]
    message = str(warned[0].message)
    assert "Row 'b': ZeroDivisionError" in message
    assert "asks them again" in message
    assert warned[0].filename == __file__

    numbered = pd.Series([5, 0], index=np.array([7, 8]))
    with pytest.warns(UserWarning, match="Row 8: Zero"):
        llm.map(numbered, prompt)
    returned = llm.map([5, 0], prompt, on_error="return")
    assert isinstance(returned[1], ZeroDivisionError)
    with pytest.raises(RowsFailedError, match="Row 1: ZeroDivisionError") as failed:
        llm.map([5, 0], prompt, on_error="raise")
    assert isinstance(failed.value.failures["1"], ZeroDivisionError)
    with pytest.raises(RowsFailedError, match="2 of 2 rows"):
        llm.map([0, 0], prompt)


def test_what_no_row_would_be_spared_ends_the_map(llm: LLM) -> None:
    with pytest.raises(ModelNotFoundError) as missing:
        llm.map(["a"] * 100, model="nowhere", cache=False)
    assert "0 of 100 rows are answered." in missing.value.__notes__
    with LLM("http://127.0.0.1:9/llm") as lost, pytest.raises(ServerNotFoundError):
        lost.map(["a", "b"], cache=False)
    with pytest.raises(InvalidRequestError, match="at least 1"):
        llm.map(["a"], concurrency=0)
    with pytest.raises(InvalidRequestError, match="warn, raise, return"):
        llm.map(["a"], on_error="ignore")
    with pytest.raises(InvalidRequestError, match="map takes no tools"):
        llm.map(["a"], tools=[print])


async def test_a_loop_gets_the_same(llm: LLM) -> None:
    assert list(await llm.amap(pd.Series(["a", "b"]), "{}!")) == ["a!", "b!"]
    assert await llm.amap(["a", None], concurrency=1) == ["a", None]


KILLED = """
import os, signal, sys
from jupyter_llm import LLM

def prompt(number):
    if number == 250:
        os.kill(os.getpid(), signal.SIGKILL)
    return f"row {number}"

LLM(sys.argv[1], sys.argv[2], model="echo").map(range(500), prompt)
"""


def test_a_map_that_was_killed_goes_on_where_it_was(
    guide_server: LiveServer, data_dir: Path, llm: LLM
) -> None:
    llm.chat("Hello")
    counter = Counter(guide_server)
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, guide_server.url, guide_server.token],
        env={**os.environ, "JUPYTER_DATA_DIR": str(data_dir)},
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    with closing(sqlite3.connect(cache_path())) as database:
        ((num_kept,),) = database.execute("SELECT COUNT(*) FROM answers")
    # of the eight rows under way, the server may answer some to nobody
    assert 242 <= num_kept <= 250
    assert eventually(lambda: num_kept <= counter.num_asked <= 250)
    assert eventually(lambda: not any(s.stats.num_running for s in llm.client.loaded()))
    num_asked = counter.num_asked
    answers = llm.map(range(500), lambda number: f"row {number}")

    assert answers == [f"row {number}" for number in range(500)]
    # every answer that was kept is taken from there, and the rest is asked for
    assert counter.num_asked - num_asked == 500 - num_kept


def test_a_notebook_shows_how_far_it_is(kernel: LiveKernel) -> None:
    cell = kernel.ok(
        "from jupyter_llm import llm\n"
        "answers = llm.map([f'text {n}' for n in range(20)], model='echo', cache=False)"
    )
    (shown,) = cell.displays
    assert shown.data["text/plain"].startswith("20 of 20 · ")
    assert '<progress value="20" max="20">' in shown.data["text/html"]
    quiet = kernel.ok("answers = llm.map(['a', 'b'], model='echo', cache=False, progress=False)")
    assert not quiet.outputs
