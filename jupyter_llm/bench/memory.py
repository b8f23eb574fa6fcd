"""Resident memory of the server with a model, beside a plain server and a bare engine."""

from __future__ import annotations

import asyncio
from pathlib import Path

import psutil

from . import servers
from .load import run
from .raw import RawLoop
from .workload import Workload

MEBIBYTE = 1024 * 1024
BARE = Workload(num_streams=servers.STREAMS, num_answer_tokens=8)
"""Gives the bare loop a KV cache of as many cells as the server's."""


def measure(model: Path, *, num_rounds: int) -> str:
    """Compare after eight streams were answered; returns a table in Markdown."""
    with servers.plain_jupyter() as pid:
        plain = psutil.Process(pid).memory_info().rss
    with servers.jupyter_llm(model) as endpoint:
        for number in range(num_rounds):
            asyncio.run(run(endpoint, Workload(num_streams=8, round=number)))
        ours = psutil.Process(endpoint.pid).memory_info().rss
    raw = _raw_rss(model)
    rows = {
        "plain Jupyter server": plain,
        "bare loop with as many KV cells": raw,
        "this server, the model loaded": ours,
        "over the sum of both": ours - plain - raw,
    }
    lines = [f"| {name} | {rss / MEBIBYTE:.0f} |" for name, rss in rows.items()]
    return "\n".join(["| what | resident MiB |", "|---|---:|", *lines])


def _raw_rss(model: Path) -> int:
    """What the bare loop adds to this process: the interpreter is counted already."""
    process = psutil.Process()
    before = process.memory_info().rss
    loop = RawLoop(str(model), BARE)
    loop.run()
    return process.memory_info().rss - before
