"""What is left of the speed when notebook kernels compute on the same cores.

Measured with this project's bound on OpenMP's spinning and with libgomp's own
default, each idle and beside two busy Python loops.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

from . import servers
from .load import Endpoint, Figures, run
from .workload import Workload

NUM_LOOPS = 2
NUM_STREAMS = 8
LIBGOMP_DEFAULT = {"OMP_WAIT_POLICY": "undefined"}
"""Any value of our own keeps the bound away; libgomp ignores one it does not know."""

SETTINGS: dict[str, dict[str, str]] = {"bounded (ours)": {}, "libgomp's default": LIBGOMP_DEFAULT}


def measure(model: Path, *, num_rounds: int) -> str:
    """Run eight streams under each setting in turns; returns a table in Markdown."""
    with ExitStack() as stack:
        endpoints = {
            name: stack.enter_context(servers.jupyter_llm(model, environment))
            for name, environment in SETTINGS.items()
        }
        idle = _rounds(endpoints, range(num_rounds))
        with _busy_loops():
            busy = _rounds(endpoints, range(50, 50 + num_rounds))
    rows = [
        f"| {name} | {idle[name]:.1f} | {busy[name]:.1f} | {busy[name] / idle[name]:.2f} |"
        for name in SETTINGS
    ]
    return "\n".join(
        [
            "| spinning | idle tokens/s | beside two busy loops | kept |",
            "|---|---:|---:|---:|",
            *rows,
        ]
    )


def _rounds(endpoints: dict[str, Endpoint], numbers: Iterable[int]) -> dict[str, float]:
    """Medians of tokens per second; the settings take turns, as machines change their pace."""
    speeds: dict[str, list[float]] = {name: [] for name in endpoints}
    for number in numbers:
        for name, endpoint in endpoints.items():
            speeds[name].append(_run(endpoint, number).tokens_per_s)
    return {name: median(values) for name, values in speeds.items()}


def _run(endpoint: Endpoint, number: int) -> Figures:
    return asyncio.run(run(endpoint, Workload(num_streams=NUM_STREAMS, round=number)))


@contextmanager
def _busy_loops() -> Iterator[None]:
    loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(NUM_LOOPS)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()
