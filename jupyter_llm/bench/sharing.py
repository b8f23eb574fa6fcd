"""What one user's long requests cost another's short ones, and how equal equal users are."""

from __future__ import annotations

import asyncio
import json
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from . import servers
from .load import Endpoint, stream
from .workload import Workload

NUM_LONG = 64
NUM_SHORT = 30
SHORT = Workload(num_streams=NUM_SHORT, num_prompt_tokens=32, num_answer_tokens=8)
LONG = Workload(num_streams=NUM_LONG, num_prompt_tokens=100, num_answer_tokens=400)
EVERY_S = 1.0
NUM_USERS = 4
NUM_OF_EACH = 16
EQUAL = Workload(num_streams=NUM_USERS * NUM_OF_EACH, num_prompt_tokens=32, num_answer_tokens=16)
JAIN_S = 60.0
HEADER = "| short requests, one each second | first token, median s | p99 s |\n|---|---:|---:|"


def measure(_model: Path, *, num_rounds: int) -> str:
    """A light user alone, then beside a heavy one; then four users who want the same.

    With the built-in model: a short request a second must be little for the machine.
    """
    alone: list[float] = []
    shared: list[float] = []
    shares: list[float] = []
    for number in range(num_rounds):
        with _built_in() as endpoint:
            users = [as_user(endpoint, f"user {n}") for n in range(NUM_USERS)]
            short, long = replace(SHORT, round=number), replace(LONG, round=number)
            asyncio.run(short_requests(users[0], replace(short, round=-1, num_streams=3)))
            alone += asyncio.run(short_requests(users[0], short))
            shared += asyncio.run(beside(users[0], users[1], replace(short, round=99), long))
            shares.append(asyncio.run(_jain_index(users, replace(EQUAL, round=number))))
    rows = [_row("alone", alone), _row(f"beside {NUM_LONG} long ones", shared)]
    equality = f"Jain index of the tokens of {NUM_USERS} equal users: {median(shares):.4f}"
    return "\n".join([HEADER, *rows, "", equality])


@contextmanager
def _built_in() -> Iterator[Endpoint]:
    with TemporaryDirectory() as folder, servers.without_model(Path(folder)) as (url, pid):
        path = f"{url}/llm/v1/completions"
        yield Endpoint(url=path, model="guide", pid=pid, token=servers.TOKEN)


def as_user(endpoint: Endpoint, name: str) -> Endpoint:
    """The same endpoint with a key of its own."""
    parts = urlsplit(endpoint.url)
    request = urllib.request.Request(  # noqa: S310 - loopback
        f"{parts.scheme}://{parts.netloc}/llm/api/admin/keys",
        data=json.dumps({"name": name}).encode(),
        headers={"Authorization": f"Bearer {endpoint.token}"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - loopback
        return replace(endpoint, token=json.load(answer)["key"])


async def short_requests(user: Endpoint, workload: Workload) -> list[float]:
    """Seconds to the first token of each; a new one every second, whatever becomes of the last."""
    tasks = []
    for prompt in workload.prompts():
        tasks.append(asyncio.create_task(stream(user, workload.body(prompt, user.model))))
        await asyncio.sleep(EVERY_S)
    answers = await asyncio.gather(*tasks)
    if not all(answers):
        raise RuntimeError("A short request was not answered.")
    return [times[0] for times in answers]


async def beside(light: Endpoint, heavy: Endpoint, short: Workload, long: Workload) -> list[float]:
    """The same while another user has sent long requests, which are then given up."""
    # a small model would come to an end of its own
    bodies = [long.body(prompt, heavy.model) | {"ignore_eos": True} for prompt in long.prompts()]
    tasks = [asyncio.create_task(stream(heavy, body)) for body in bodies]
    await asyncio.sleep(EVERY_S)
    times = await short_requests(light, short)
    if all(task.done() for task in tasks):
        raise RuntimeError("The long requests ended before the short ones: ask for more of them.")
    await _cancel(tasks)
    return times


async def _jain_index(users: Sequence[Endpoint], workload: Workload) -> float:
    """Of the tokens that each had while all of them still wanted more."""
    counts = [0] * len(users)
    tasks = []
    for number, prompt in enumerate(workload.prompts()):
        user = number * len(users) // workload.num_streams
        tasks.append(asyncio.create_task(_counted(users[user], workload, prompt, counts, user)))
    await asyncio.wait(tasks, timeout=JAIN_S)
    await _cancel(tasks)
    return sum(counts) ** 2 / (len(counts) * sum(count * count for count in counts))


async def _counted(
    user: Endpoint, workload: Workload, prompt: str, counts: list[int], number: int
) -> None:
    """Ask again and again."""

    def count() -> None:
        counts[number] += 1

    while True:
        await stream(user, workload.body(prompt, user.model), count)


async def _cancel(tasks: Sequence[asyncio.Task[object]]) -> None:
    for task in tasks:
        task.cancel()
    with suppress(asyncio.CancelledError):
        await asyncio.gather(*tasks, return_exceptions=True)
    # until their connections are closed
    await asyncio.sleep(EVERY_S)


def _row(name: str, times: list[float]) -> str:
    ordered = sorted(times)
    return f"| {name} | {median(ordered):.3f} | {ordered[int(0.99 * len(ordered))]:.3f} |"
