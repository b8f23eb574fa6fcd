"""A load generator that costs little: the server shares its cores with it.

It speaks just enough HTTP/1.1 over asyncio to time the events of a stream; a
general client would spend more on each event than the server does.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from urllib.parse import urlsplit

from .workload import Workload

STATUS_INTERVAL_S = 0.05


@dataclass(frozen=True, kw_only=True, slots=True)
class Endpoint:
    """Where completions are served, and as whom to ask; `status_url` is polled meanwhile."""

    url: str
    model: str
    pid: int
    token: str = ""
    status_url: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Figures:
    """What one run of a workload gave; times in seconds."""

    tokens_per_s: float
    ttft_s: float
    gap_s: float
    num_complete: int = 0


async def run(endpoint: Endpoint, workload: Workload) -> Figures:
    """Send all requests of `workload` at once and time every event of their answers."""
    bodies = [workload.body(prompt, endpoint.model) for prompt in workload.prompts()]
    started = time.perf_counter()
    streams = await asyncio.gather(*(stream(endpoint, body) for body in bodies))
    return figures(workload, streams, time.perf_counter() - started)


async def status_latencies(endpoint: Endpoint, workload: Workload) -> list[float]:
    """Seconds that `GET /api/status` takes while `workload` runs; it costs the streams speed."""
    latencies: list[float] = []
    polling = asyncio.create_task(_poll(endpoint, latencies))
    await run(endpoint, workload)
    polling.cancel()
    with suppress(asyncio.CancelledError):
        await polling
    return latencies


async def stream(
    endpoint: Endpoint, body: dict[str, object], on_event: Callable[[], None] = lambda: None
) -> list[float]:
    """Times of the events of one answer since it was asked for; empty if it was cut short."""
    started = time.perf_counter()
    reader, writer = await _send(endpoint.url, "POST", endpoint.token, json.dumps(body))
    times = []
    try:
        while line := await reader.readline():
            if line.startswith(b"data: {"):
                times.append(time.perf_counter() - started)
                on_event()
            if line.startswith(b"data: [DONE]"):
                return times
    finally:
        writer.close()
    return []


async def _poll(endpoint: Endpoint, latencies: list[float]) -> None:
    while True:
        started = time.perf_counter()
        reader, writer = await _send(endpoint.status_url, "GET", endpoint.token, "")
        await reader.readline()
        latencies.append(time.perf_counter() - started)
        writer.close()
        await asyncio.sleep(STATUS_INTERVAL_S)


async def _send(
    url: str, method: str, token: str, body: str
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    head = (
        f"{method} {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n"
        f"Authorization: Bearer {token}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    writer.write((head + body).encode())
    await writer.drain()
    return reader, writer


def figures(workload: Workload, streams: Sequence[list[float]], duration_s: float) -> Figures:
    """What came of `streams`, each the times of an answer's events; `duration_s` is for all."""
    complete = [times for times in streams if times]
    gaps = [after - before for times in complete for before, after in pairwise(times)]
    return Figures(
        tokens_per_s=workload.num_answer_tokens * len(complete) / duration_s,
        ttft_s=median([times[0] for times in complete] or [float("nan")]),
        gap_s=median(gaps or [float("nan")]),
        num_complete=len(complete),
    )
