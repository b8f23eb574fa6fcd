"""What it costs to ask a group of servers through this one: the first token, and every further one.

The ways take turns, over connections that stay open: one of the servers itself, this server with
that one alone behind it, and this server with all of them.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from .servers import TOKEN, free_port, process, without_model
from .service import MODEL

NUM_FIRST = 200
"""Requests for a first token, each way in each round."""

NUM_CHUNKS = 50_000
NUM_REPLICAS = 4
HEADER = (
    "| | directly | through this server | more | with a group | more |\n"
    "|---|---:|---:|---:|---:|---:|"
)


class _Way:
    """A connection to one of the two, and how to ask there."""

    def __init__(self, url: str, path: str, model: str) -> None:
        parts = urlsplit(url)
        self._connection = HTTPConnection(parts.hostname or "", parts.port, timeout=120)
        self._path, self._model = path, model

    def first_s(self) -> float:
        """Seconds to the first bytes of an answer."""
        began_at = time.perf_counter()
        with self._asked(1) as parts:
            next(parts)
            first_s = time.perf_counter() - began_at
            for _ in parts:
                pass
        return first_s

    def chunks_per_s(self) -> float:
        """The rate of a long answer, all of whose chunks must come."""
        began_at = time.perf_counter()
        with self._asked(NUM_CHUNKS) as parts:
            num_chunks = b"".join(parts).count(b'" word"')
        if num_chunks != NUM_CHUNKS:
            raise RuntimeError(f"{num_chunks} of {NUM_CHUNKS} chunks came")
        return num_chunks / (time.perf_counter() - began_at)

    @contextmanager
    def _asked(self, max_tokens: int) -> Iterator[Iterator[bytes]]:
        messages = [{"role": "user", "content": "Hello"}]
        body = {"model": self._model, "messages": messages, "stream": True}
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
        sent = json.dumps({**body, "max_tokens": max_tokens})
        self._connection.request("POST", self._path, sent, headers)
        with self._connection.getresponse() as response:
            if response.status != 200:  # noqa: PLR2004 - OK
                raise RuntimeError(response.read().decode())
            yield iter(lambda: response.read1(1 << 16), b"")


def measure(model: Path, *, num_rounds: int) -> str:
    """Ask both ways in turns; returns a table in Markdown."""
    first: dict[str, list[float]] = {"direct": [], "through": [], "group": []}
    rates: dict[str, list[float]] = {name: [] for name in first}
    with _ways(model.parent) as ways:
        for way in ways.values():
            for _ in range(NUM_REPLICAS):
                way.first_s()
        for _ in range(num_rounds):
            for _ in range(NUM_FIRST):
                for name, way in ways.items():
                    first[name].append(way.first_s())
            for name, way in ways.items():
                rates[name].append(way.chunks_per_s())
    rows = [
        _row(name, *(_at(values, part) for values in first.values()))
        for name, part in (
            ("first token, 5th percentile ms", 0.05),
            ("first token, median ms", 0.5),
            ("first token, p99 ms", 0.99),
        )
    ]
    rate, through, group = (median(values) for values in rates.values())
    last = f"| chunks a second | {rate:,.0f} | {through:,.0f} | | {group:,.0f} | |"
    return "\n".join([HEADER, *rows, last])


def _row(name: str, direct_ms: float, *others_ms: float) -> str:
    cells = [f"{direct_ms:.2f}"]
    for other_ms in others_ms:
        cells += [f"{other_ms:.2f}", f"{other_ms - direct_ms:.2f}"]
    return f"| {name} | {' | '.join(cells)} |"


@contextmanager
def _ways(models_dir: Path) -> Iterator[dict[str, _Way]]:
    with ExitStack() as stack:
        upstreams = [stack.enter_context(_replica()) for _ in range(NUM_REPLICAS)]
        urls = [f"{upstream}/v1" for upstream in upstreams]
        remotes = [
            {"id": "one", "url": urls[0], "models": {"far": MODEL}},
            {"id": "all", "url": urls, "models": {"group": MODEL}},
        ]
        folder = stack.enter_context(TemporaryDirectory())
        config = {"LLMExtension": {"remotes": remotes}}
        Path(folder, "jupyter_llm_config.json").write_text(json.dumps(config))
        server = without_model(models_dir, {"JUPYTER_CONFIG_PATH": folder})
        url, _ = stack.enter_context(server)
        path = "/llm/v1/chat/completions"
        yield {
            "direct": _Way(upstreams[0], "/v1/chat/completions", MODEL),
            "through": _Way(url, path, "far"),
            "group": _Way(url, path, "group"),
        }


@contextmanager
def _replica() -> Iterator[str]:
    port = free_port()
    upstream = f"http://127.0.0.1:{port}"
    argv = [sys.executable, "-m", "jupyter_llm.bench.service", str(port)]
    with process(argv, f"{upstream}/v1/models", {}):
        yield upstream


def _at(values: list[float], part: float) -> float:
    """A percentile in milliseconds."""
    return 1000 * sorted(values)[int(part * len(values))]
