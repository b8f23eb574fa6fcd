"""What `llm.map` leaves of the server's own throughput."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from jupyter_llm.client.llm import LLM
from jupyter_llm.client.work import completion, streamed

from . import servers
from .load import Endpoint, stream
from .workload import Workload

NUM_ROWS = 500
CONCURRENCY = 8
NUM_PROMPT_TOKENS = 16
NUM_ANSWER_TOKENS = {"guide": 48, "0.5 B": 8}
HEADER = "| model | rows/s of the load generator | of `llm.map` | ratio |\n|---|---:|---:|---:|"

Contender = Callable[[Endpoint, Sequence[str], int], float]


def measure(model: Path, *, num_rounds: int) -> str:
    """The load generator and `llm.map` in turns, with a small model and a larger one."""
    rows = []
    with TemporaryDirectory() as folder, servers.without_model(Path(folder)) as (url, pid):
        guide = Endpoint(url=f"{url}/llm", model="guide", pid=pid, token=servers.TOKEN)
        rows.append(_row("guide", guide, num_rounds))
    with servers.jupyter_llm(model) as endpoint:
        large = replace(endpoint, url=endpoint.url.removesuffix("/v1/completions"))
        rows.append(_row("0.5 B", large, num_rounds))
    return "\n".join([HEADER, *rows])


def _row(name: str, endpoint: Endpoint, num_rounds: int) -> str:
    num_tokens = NUM_ANSWER_TOKENS[name]
    contenders: dict[str, Contender] = {"load": _by_load_generator, "map": _by_map}
    paces: dict[str, list[float]] = {key: [] for key in contenders}
    for contender in contenders.values():  # loads the model and what Python imports
        contender(endpoint, _prompts(-1)[:CONCURRENCY], num_tokens)
    for number in range(num_rounds):
        # who comes first changes, and nobody finds another's prompts in the prefix cache
        for place, key in enumerate(sorted(contenders, reverse=bool(number % 2))):
            prompts = _prompts(2 * number + place)
            paces[key].append(NUM_ROWS / contenders[key](endpoint, prompts, num_tokens))
    load, mapped = (median(paces[key]) for key in contenders)
    return f"| {name} | {load:.1f} | {mapped:.1f} | {mapped / load:.2f} |"


def _prompts(number: int) -> list[str]:
    return Workload(
        num_streams=NUM_ROWS, num_prompt_tokens=NUM_PROMPT_TOKENS, round=number
    ).prompts()


def _by_map(endpoint: Endpoint, prompts: Sequence[str], num_tokens: int) -> float:
    """Seconds, with the cache of answers, which is empty."""
    options = _options(endpoint, num_tokens)
    with _own_data_dir(), LLM(endpoint.url, endpoint.token, **options) as llm:
        started = time.perf_counter()
        answers = llm.map(prompts, concurrency=CONCURRENCY)
        duration_s = time.perf_counter() - started
    if not all(isinstance(answer, str) for answer in answers):
        raise RuntimeError("A row was not answered.")
    return duration_s


def _by_load_generator(endpoint: Endpoint, prompts: Sequence[str], num_tokens: int) -> float:
    """Seconds for the same requests, as streams."""
    options = _options(endpoint, num_tokens)
    works = [streamed(completion(prompt, **options)) for prompt in prompts]
    path = replace(endpoint, url=f"{endpoint.url}/{works[0].path}")
    started = time.perf_counter()
    asyncio.run(_streams(path, iter([work.body or {} for work in works])))
    return time.perf_counter() - started


async def _streams(endpoint: Endpoint, pending: Iterator[dict[str, object]]) -> None:
    async def ask() -> None:
        for body in pending:
            if not await stream(endpoint, body):
                raise RuntimeError("A request was not answered.")

    await asyncio.gather(*(ask() for _ in range(CONCURRENCY)))


def _options(endpoint: Endpoint, num_tokens: int) -> dict[str, object]:
    return {
        "model": endpoint.model,
        "max_tokens": num_tokens,
        "temperature": 0,
        "ignore_eos": True,
    }


@contextmanager
def _own_data_dir() -> Iterator[None]:
    """Jupyter's data directory, where the cache is, in a folder that is empty."""
    before = os.environ.get("JUPYTER_DATA_DIR")
    with TemporaryDirectory() as folder, ExitStack() as stack:
        os.environ["JUPYTER_DATA_DIR"] = folder
        stack.callback(_set_data_dir, before)
        yield


def _set_data_dir(value: str | None) -> None:
    if value is None:
        del os.environ["JUPYTER_DATA_DIR"]
    else:
        os.environ["JUPYTER_DATA_DIR"] = value
