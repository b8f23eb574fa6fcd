"""How close the server comes to an engine's own with the same model.

All are started, and then take turns at short runs, so that a busy machine slows all of them;
figures are medians over the rounds.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from itertools import product
from pathlib import Path
from statistics import median

from .folder import write_random_folder
from .load import Endpoint, Figures, run
from .workload import Workload

FOLDER = Path("build/bench/random-30m")
STREAMS = (1, 8)

Serve = Callable[[Path], AbstractContextManager[Endpoint]]


def compare(native: str, contenders: Mapping[str, Serve], *, num_rounds: int) -> str:
    """Run all on a model of their own; returns a table in Markdown, with ratios to `native`."""
    if not (FOLDER / "model.safetensors").exists():
        write_random_folder(FOLDER)
    results: dict[tuple[int, str], list[Figures]] = defaultdict(list)
    with ExitStack() as stack:
        endpoints = {
            name: stack.enter_context(serve(FOLDER.absolute()))
            for name, serve in contenders.items()
        }
        for endpoint in endpoints.values():
            asyncio.run(run(endpoint, _workload(1, -1)))
        for number, num_streams in product(range(num_rounds), STREAMS):
            for name, endpoint in endpoints.items():
                workload = _workload(num_streams, number)
                results[num_streams, name].append(asyncio.run(run(endpoint, workload)))
    header = (
        f"| streams | contender | tokens/s | × {native} | first token s | gap ms | complete |\n"
        "|---:|---|---:|---:|---:|---:|---:|"
    )
    rows = [_row(key, results[key], results[key[0], native]) for key in sorted(results)]
    return "\n".join([header, *rows])


def _workload(num_streams: int, number: int) -> Workload:
    """Without a seed: some servers answer requests that have one alone, or slower."""
    return Workload(num_streams=num_streams, num_answer_tokens=128, round=number, seed=None)


def _row(key: tuple[int, str], runs: list[Figures], native: list[Figures]) -> str:
    num_streams, name = key
    speed = median(one.tokens_per_s for one in runs)
    ratio = speed / median(one.tokens_per_s for one in native)
    return (
        f"| {num_streams} | {name} | {speed:.1f} | {ratio:.2f} "
        f"| {median(one.ttft_s for one in runs):.2f} "
        f"| {1000 * median(one.gap_s for one in runs):.1f} "
        f"| {min(one.num_complete for one in runs)}/{num_streams} |"
    )
