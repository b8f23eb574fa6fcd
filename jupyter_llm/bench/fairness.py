"""What a decision of the fair queue costs, with thousands of requests waiting."""

from __future__ import annotations

import time
from pathlib import Path
from statistics import median

from jupyter_llm.manager.queue import FairQueue, Ticket

NUM_WAITING = 10_000
NUM_SLOTS = 10
NUM_DECISIONS = 2000
HEADER = (
    "| users | waiting | a turn, median µs | p99 µs | an arrival, median µs | p99 µs |\n"
    "|---:|---:|---:|---:|---:|---:|"
)


def measure(_model: Path, *, num_rounds: int) -> str:
    """Requests end, others have their turn and further ones come; returns a table in Markdown."""
    rows = []
    for num_users in (1, 100, NUM_WAITING):
        turns: list[float] = []
        arrivals: list[float] = []
        for _ in range(num_rounds):
            _run(num_users, turns, arrivals)
        figures = " | ".join(f"{value:.1f}" for times in (turns, arrivals) for value in _of(times))
        rows.append(f"| {num_users} | {NUM_WAITING} | {figures} |")
    return "\n".join([HEADER, *rows])


def _run(num_users: int, turns: list[float], arrivals: list[float]) -> None:
    queue, running = FairQueue(), []
    for number in range(NUM_WAITING):
        queue.push(_ticket(number, num_users))
    while ticket := queue.pop(NUM_SLOTS):
        running.append(ticket)
    for number in range(NUM_DECISIONS):
        for ticket in running:
            queue.charge(ticket.user, num_completion=7 + number % 5)
        began_at = time.perf_counter()
        queue.leave(running.pop(0))
        if ticket := queue.pop(NUM_SLOTS):
            running.append(ticket)
        given_at = time.perf_counter()
        queue.push(_ticket(number, num_users))
        arrived_at = time.perf_counter()
        turns.append(given_at - began_at)
        arrivals.append(arrived_at - given_at)


def _ticket(number: int, num_users: int) -> Ticket:
    return Ticket(user=f"user {number % num_users}", num_prompt=number % 50)


def _of(times: list[float]) -> tuple[float, float]:
    """Median and 99th percentile in microseconds."""
    ordered = sorted(times)
    return 1e6 * median(ordered), 1e6 * ordered[int(0.99 * len(ordered))]
