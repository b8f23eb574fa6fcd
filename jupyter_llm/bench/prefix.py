"""How soon the first token comes when the server has read the beginning before."""

from __future__ import annotations

import asyncio
from pathlib import Path
from statistics import median

from . import servers
from .load import Endpoint, stream
from .workload import Workload

NUM_PREFIX_TOKENS = 1000


def measure(model: Path, *, num_rounds: int) -> str:
    """Ask each question twice, with other last words; returns a table in Markdown."""
    with servers.jupyter_llm(model) as endpoint:
        asyncio.run(stream(endpoint, Workload(num_streams=1).body("warm up", endpoint.model)))
        times = [asyncio.run(_cold_and_warm(endpoint, number)) for number in range(num_rounds)]
    cold, warm = (median(column) for column in zip(*times, strict=True))
    return (
        "| prefix tokens | cold first token s | warm first token s | warm / cold |\n"
        "|---:|---:|---:|---:|\n"
        f"| {NUM_PREFIX_TOKENS} | {cold:.2f} | {warm:.3f} | {warm / cold:.3f} |"
    )


async def _cold_and_warm(endpoint: Endpoint, number: int) -> tuple[float, float]:
    workload = Workload(
        num_streams=1,
        num_prompt_tokens=NUM_PREFIX_TOKENS,
        num_answer_tokens=4,
        round=100 + number,
    )
    prefix = workload.prompts()[0]
    cold = await stream(endpoint, workload.body(f"{prefix} one two", endpoint.model))
    warm = await stream(endpoint, workload.body(f"{prefix} three four", endpoint.model))
    return cold[0], warm[0]
