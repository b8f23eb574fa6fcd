"""How close the server comes to mlx-lm's own with the same model.

Both run in turns, round by round; figures are medians over the rounds. The requests have
no seed: mlx-lm's server answers those that have one alone.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from pathlib import Path
from statistics import median

from . import servers
from .folder import write_random_folder
from .load import Figures, run
from .workload import Workload

FOLDER = Path("build/bench/random-30m")
STREAMS = (1, 8)
NATIVE = "mlx_lm.server"
CONTENDERS = {NATIVE: servers.mlx_lm_server, "jupyter-llm": servers.jupyter_llm}
HEADER = (
    "| streams | contender | tokens/s | × mlx_lm.server | first token s | gap ms | complete |\n"
    "|---:|---|---:|---:|---:|---:|---:|"
)


def measure(_model: Path, *, num_rounds: int) -> str:
    """Run both on a model of their own; returns a table in Markdown."""
    if reason := servers.missing(NATIVE):
        return f"Left out: {reason}."
    if not (FOLDER / "model.safetensors").exists():
        write_random_folder(FOLDER)
    results: dict[tuple[int, str], list[Figures]] = defaultdict(list)
    for number in range(num_rounds):
        for name, serve in CONTENDERS.items():
            with serve(FOLDER.absolute()) as endpoint:
                asyncio.run(run(endpoint, _workload(1, -1)))
                for num_streams in STREAMS:
                    workload = _workload(num_streams, number)
                    results[num_streams, name].append(asyncio.run(run(endpoint, workload)))
    rows = [_row(key, results[key], results[key[0], NATIVE]) for key in sorted(results)]
    return "\n".join([HEADER, *rows])


def _workload(num_streams: int, number: int) -> Workload:
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
