"""Vectors over HTTP: points put in, an index built, searches with a filter, the loop meanwhile.

100,000 points of 384 numbers around 200 centres, as those of texts lie in heaps; a tenth of them
match the filter. The embedded database runs with what it comes with.
"""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlsplit

import msgspec
import numpy as np
from numpy.typing import NDArray

from .servers import TOKEN, without_model

NUM_POINTS = 100_000
SIZE = 384
AT_ONCE = 500
NUM_SEARCHES = 300
NUM_EXACT = 100
LIMIT = 10
NUM_KINDS = 10
_COLLECTION = "/llm/api/v1/vector-db/local/collections/bench"
_TICK_S = 0.01
_QUIET_S = 1800.0

Rows = NDArray[np.float32]


def measure(model: Path, *, num_rounds: int) -> str:
    """Do it all once; returns a table in Markdown. Rounds would only build the same index again."""
    del num_rounds
    rows = _rows()
    with without_model(model.parent) as (url, _):
        client = _Client(url)
        _create(client)
        put_in_s = _put_in(client, rows)
        unindexed = _search(client, rows)
        with _loop(url) as while_built:
            built_s = _wait_for_index(client)
        indexed = _search(client, rows)
    lines = [
        f"| {NUM_POINTS:,} points put in, {AT_ONCE} at a time | {put_in_s:.1f} s |",
        f"| index built after that | {built_s:.1f} s |",
        f"| the loop of the server meanwhile | {_latency(while_built)} |",
        f"| search with a filter, before | {unindexed} |",
        f"| search with a filter, after | {indexed} |",
    ]
    return "\n".join(["| what | figure |", "|---|---|", *lines])


class _Client:
    """A connection that stays open."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._connection = HTTPConnection(parts.hostname or "", parts.port, timeout=300)

    def ask(self, method: str, path: str, body: bytes | None = None) -> Any:
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
        self._connection.request(method, path, body, headers)
        response = self._connection.getresponse()
        said = response.read()
        if response.status >= 400:  # noqa: PLR2004 - an error
            raise RuntimeError(said.decode())
        return json.loads(said)


def _rows() -> Rows:
    draw = np.random.default_rng(1)
    centres = draw.standard_normal((200, SIZE))
    noise = draw.standard_normal((NUM_POINTS, SIZE))
    return (centres[draw.integers(0, 200, NUM_POINTS)] + 0.7 * noise).astype(np.float32)


def _create(client: _Client) -> None:
    body = {"vector_size": SIZE, "distance": "Cosine", "payload_indexes": {"kind": "keyword"}}
    client.ask("PUT", _COLLECTION, json.dumps(body).encode())


def _put_in(client: _Client, rows: Rows) -> float:
    """Seconds, with those that it takes to write the bodies."""
    began_at = time.perf_counter()
    for start in range(0, NUM_POINTS, AT_ONCE):
        points = [
            {"id": start + n, "vector": row, "payload": {"kind": _kind(start + n), "text": "…"}}
            for n, row in enumerate(rows[start : start + AT_ONCE].tolist())
        ]
        client.ask("PUT", f"{_COLLECTION}/points", msgspec.json.encode({"points": points}))
    return time.perf_counter() - began_at


def _kind(number: int) -> str:
    return f"kind {number % NUM_KINDS}"


def _wait_for_index(client: _Client) -> float:
    began_at = time.perf_counter()
    while time.perf_counter() - began_at < _QUIET_S:
        if client.ask("GET", _COLLECTION)["collection_info"]["indexed_vectors_count"]:
            return time.perf_counter() - began_at
        time.sleep(0.25)
    raise RuntimeError("no index was built")


def _search(client: _Client, rows: Rows) -> str:
    """How long searches take with a filter, and what part of the nearest they find."""
    draw = random.Random(2)  # noqa: S311 - not a secret
    noise = np.random.default_rng(2)
    times: list[float] = []
    found = 0
    for number in range(NUM_SEARCHES):
        vector = rows[draw.randrange(NUM_POINTS)] + 0.3 * noise.standard_normal(SIZE)
        kind = draw.randrange(NUM_KINDS)
        condition = {"must": [{"key": "kind", "match": {"value": _kind(kind)}}]}
        asked = {"query_vector": vector.tolist(), "limit": LIMIT, "filter": condition}
        body = msgspec.json.encode(asked)
        began_at = time.perf_counter()
        answer = client.ask("POST", f"{_COLLECTION}/points/search", body)
        times.append(time.perf_counter() - began_at)
        if number < NUM_EXACT:
            ids = {point["id"] for point in answer["results"]}
            found += len(ids & _nearest(rows, vector, kind))
    recall = found / (NUM_EXACT * LIMIT)
    return f"p50 {_at(times, 0.5):.1f} ms, p95 {_at(times, 0.95):.1f} ms, recall@10 {recall:.3f}"


def _nearest(rows: Rows, vector: Rows, kind: int) -> set[int]:
    """The nearest points of a kind, compared one by one."""
    own = rows[kind::NUM_KINDS]
    scores = own @ vector / np.linalg.norm(own, axis=1)
    return {int(n) * NUM_KINDS + kind for n in np.argsort(-scores)[:LIMIT]}


@contextmanager
def _loop(url: str) -> Iterator[list[float]]:
    """Ask Jupyter itself all the while for something that costs it nothing; how long each took."""
    times: list[float] = []
    done = threading.Event()

    def ask() -> None:
        client = _Client(url)
        while not done.wait(_TICK_S):
            began_at = time.perf_counter()
            client.ask("GET", "/llm/health/live")
            times.append(time.perf_counter() - began_at)

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        yield times
    finally:
        done.set()
        asking.join()


def _latency(times: Sequence[float]) -> str:
    return (
        f"`GET /health/live`: median {1000 * median(times):.1f} ms, p99 {_at(times, 0.99):.1f} ms, "
        f"slowest {1000 * max(times):.0f} ms ({len(times):,} requests)"
    )


def _at(values: Sequence[float], part: float) -> float:
    """A percentile in milliseconds."""
    return 1000 * sorted(values)[int(part * len(values))]
