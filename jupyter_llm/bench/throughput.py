"""How close the server comes to the bare loop, and how others do beside it.

All contenders run in turns, round by round, so that a change in the machine's
speed meets all of them; figures are medians over the rounds.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from statistics import median

from . import servers
from .load import Endpoint, Figures, run, status_latencies
from .workload import Workload

Server = Callable[[Path], AbstractContextManager[Endpoint]]
SERVERS: dict[str, Server] = {
    "jupyter-llm": servers.jupyter_llm,
    "llama_cpp.server": servers.llama_cpp_server,
    "llama-server": servers.llama_server,
}
RAW = "raw loop"
ALONE = {RAW: "jupyter_llm.bench.raw", "our engine": "jupyter_llm.bench.engine"}
"""Modules that run a workload without a server."""

STREAMS_BESIDE_STATUS = 8
Results = dict[tuple[str, int], list[Figures]]


HEADER = (
    "| streams | contender | tokens/s | × raw | first token s | gap ms | complete |\n"
    "|---:|---|---:|---:|---:|---:|---:|"
)


def measure(model: Path, *, num_rounds: int, streams: Sequence[int] = (1, 8, 32)) -> str:
    """Run all contenders on `model`; returns a table in Markdown."""
    results: Results = defaultdict(list)
    for number in range(num_rounds):
        _run_round(model, [Workload(num_streams=n, round=number) for n in streams], results)
    ordered = sorted(results, key=lambda key: key[1])
    rows = [_row(name, n, results[name, n], results[RAW, n]) for name, n in ordered]
    return "\n".join([HEADER, *rows, "", _status(model, num_rounds)])


def _run_round(model: Path, workloads: Sequence[Workload], results: Results) -> None:
    for workload in workloads:
        for name, module in ALONE.items():
            results[name, workload.num_streams].append(run_alone(module, model, workload))
    for name, serve in SERVERS.items():
        if reason := servers.missing(name):
            sys.stderr.write(f"{name} is left out: {reason}\n")
            continue
        with serve(model) as endpoint:
            warm_up = Workload(num_streams=1, num_answer_tokens=4, round=-1)
            asyncio.run(run(endpoint, warm_up))
            for workload in workloads:
                results[name, workload.num_streams].append(asyncio.run(run(endpoint, workload)))


def run_alone(module: str, model: Path, workload: Workload) -> Figures:
    """Run a contender without a server, in a process of its own."""
    argv = [sys.executable, "-m", module, str(model)]
    argv += [str(workload.num_streams), str(workload.round)]
    output = subprocess.run(argv, check=True, capture_output=True).stdout
    return Figures(**json.loads(output))


def _row(name: str, num_streams: int, runs: Sequence[Figures], raw: Sequence[Figures]) -> str:
    speed = median(run.tokens_per_s for run in runs)
    ratio = speed / median(run.tokens_per_s for run in raw)
    return (
        f"| {num_streams} | {name} | {speed:.1f} | {ratio:.2f} "
        f"| {median(r.ttft_s for r in runs):.2f} | {1000 * median(r.gap_s for r in runs):.1f} "
        f"| {min(r.num_complete for r in runs)}/{num_streams} |"
    )


def _status(model: Path, num_rounds: int) -> str:
    latencies: list[float] = []
    with servers.jupyter_llm(model) as endpoint:
        for number in range(num_rounds):
            workload = Workload(num_streams=STREAMS_BESIDE_STATUS, round=number)
            latencies += asyncio.run(status_latencies(endpoint, workload))
    latencies.sort()
    p99 = latencies[min(len(latencies) - 1, int(0.99 * len(latencies)))]
    return (
        f"`GET /api/status` beside {STREAMS_BESIDE_STATUS} streams, {len(latencies)} times: "
        f"median {1000 * median(latencies):.1f} ms, p99 {1000 * p99:.1f} ms"
    )
