"""Several answers to one call: more than one prompt, or more than one answer to each.

Every answer is a request of its own to the model, with a place of its own in the queue,
so that a call with more answers than there are places ends all the same. The chunks come
back merged, each with the `index` of its answer; the answers to one prompt are together.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from jupyter_llm.errors import OverloadedError, TooManyRequestsError
from jupyter_llm.types import GenerationRequest, Timings, TokenChunk, Usage

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

MAX_CHOICES = 128
"""Answers that one call may ask for, as OpenAI bounds `n`."""

AT_ONCE = 16
"""Answers of one call that run or wait at a model at a time."""

_BUFFERED_CHUNKS = 64

Chunks = AsyncGenerator[TokenChunk, None]
Generate = Callable[[GenerationRequest], Chunks]


@dataclass(frozen=True, kw_only=True, slots=True)
class Choices:
    """`n` answers to each of `prompts`: the likeliest of `best_of` that are generated."""

    prompts: tuple[GenerationRequest, ...]
    n: int = 1
    best_of: int = 1

    @property
    def num_per_prompt(self) -> int:
        """Answers that are generated for each prompt."""
        return max(self.n, self.best_of)

    def of_model(self, model_id: str) -> Choices:
        """The same, asked of the model of this id."""
        prompts = tuple(replace(prompt, model_id=model_id) for prompt in self.prompts)
        return replace(self, prompts=prompts)

    def requests(self) -> tuple[GenerationRequest, ...]:
        """One request for each answer; with a seed, a prompt's answers count up from it."""
        return tuple(
            _numbered(prompt, number)
            for prompt in self.prompts
            for number in range(self.num_per_prompt)
        )


def generate_choices(generate: Generate, choices: Choices) -> Chunks:
    """Stream the answers of `choices`, merged; closing the generator cancels all of them.

    Each answer's last chunk has its finish reason, the very last chunk the usage and the
    timings of all. The first error of one answer is raised and cancels the others.
    """
    if len(choices.prompts) * choices.num_per_prompt == 1:
        return generate(choices.prompts[0])
    if choices.num_per_prompt > choices.n:
        return _best(generate, choices)
    return _summed(_gathered(generate, choices.requests()), choices)


def _numbered(prompt: GenerationRequest, number: int) -> GenerationRequest:
    seed = prompt.sampling.seed
    if not number or seed is None:
        return prompt
    return replace(prompt, sampling=replace(prompt.sampling, seed=seed + number))


async def _summed(chunks: Chunks, choices: Choices) -> Chunks:
    """Take usage and timings from the answers' ends and give the last one those of all."""
    total = _Total(choices)
    async with aclosing(chunks):
        async for chunk in chunks:
            yield total.note(chunk)


async def _best(generate: Generate, choices: Choices) -> Chunks:
    """Yield the likeliest answers when all are there, the likeliest of a prompt first."""
    wanted = [_with_logprobs(request) for request in choices.requests()]
    answers: dict[int, list[TokenChunk]] = defaultdict(list)
    total = _Total(choices)
    last = TokenChunk(text="")
    async with aclosing(_gathered(generate, wanted)) as chunks:
        async for chunk in chunks:
            answers[chunk.index].append(chunk)
            last = total.note(chunk)
    kept = list(_kept(answers, choices))
    for chunk in kept[:-1]:
        yield chunk
    yield replace(kept[-1], usage=last.usage, timings=last.timings)


def _kept(answers: dict[int, list[TokenChunk]], choices: Choices) -> Iterator[TokenChunk]:
    """The chunks of the chosen answers under their new numbers, without ends but the reason."""
    for number, prompt in enumerate(choices.prompts):
        first = number * choices.num_per_prompt
        group = [answers[first + i] for i in range(choices.num_per_prompt)]
        group.sort(key=lambda answer: _mean_logprob(prompt, answer), reverse=True)
        shows_logprobs = prompt.sampling.num_top_logprobs is not None
        for place, answer in enumerate(group[: choices.n]):
            for chunk in answer:
                yield replace(
                    chunk,
                    index=number * choices.n + place,
                    logprobs=chunk.logprobs if shows_logprobs else (),
                    usage=None,
                    timings=None,
                )


def _with_logprobs(request: GenerationRequest) -> GenerationRequest:
    if request.sampling.num_top_logprobs is not None:
        return request
    # without an echo: nobody asked for the prompt's probabilities, which take their time
    return replace(request, sampling=replace(request.sampling, num_top_logprobs=0), echo=False)


def _mean_logprob(prompt: GenerationRequest, answer: Sequence[TokenChunk]) -> float:
    """Of the answer's tokens alone; an answer without any is as certain as can be."""
    found = [one.chosen.logprob for chunk in answer for one in chunk.logprobs]
    usage = answer[-1].usage
    if prompt.echo and prompt.sampling.num_top_logprobs is not None and usage:
        found = found[usage.prompt_tokens :]
    known = [logprob for logprob in found if logprob is not None]
    return math.fsum(known) / len(known) if known else 0.0


class _Total:
    """What all answers took together: a prompt counts once, however many answer it."""

    def __init__(self, choices: Choices) -> None:
        self._num_per_prompt = choices.num_per_prompt
        self._num_missing = len(choices.prompts) * choices.num_per_prompt
        self._ends: dict[int, list[Usage]] = defaultdict(list)
        self._queue_s = math.inf
        self._began_at = time.monotonic()
        self._first_token_at = 0.0

    def note(self, chunk: TokenChunk) -> TokenChunk:
        """Count a chunk; returns it with the ends that it has in the merged stream."""
        if not self._first_token_at and not chunk.finish_reason:
            self._first_token_at = time.monotonic()
        if not chunk.finish_reason:
            return chunk
        self._num_missing -= 1
        if chunk.usage:
            self._ends[chunk.index // self._num_per_prompt].append(chunk.usage)
        if chunk.timings:
            self._queue_s = min(self._queue_s, chunk.timings.queue_s)
        if self._num_missing:
            return replace(chunk, usage=None, timings=None)
        return replace(chunk, usage=self._usage(), timings=self._timings())

    def _usage(self) -> Usage:
        prompts = [_of_prompt(usages) for usages in self._ends.values()]
        return _sum(prompts)

    def _timings(self) -> Timings:
        now = time.monotonic()
        first_token_at = self._first_token_at or now
        queue_s = min(self._queue_s, first_token_at - self._began_at)
        return Timings(
            queue_s=queue_s,
            prefill_s=first_token_at - self._began_at - queue_s,
            decode_s=now - first_token_at,
        )


def _of_prompt(usages: Sequence[Usage]) -> Usage:
    """The first answer computes the prompt, the others find it there: that is not cached."""
    return replace(
        _sum(usages),
        prompt_tokens=usages[0].prompt_tokens,
        cached_tokens=min(usage.cached_tokens for usage in usages),
    )


def _sum(usages: Iterable[Usage]) -> Usage:
    all_of = tuple(usages)
    return Usage(
        prompt_tokens=sum(usage.prompt_tokens for usage in all_of),
        completion_tokens=sum(usage.completion_tokens for usage in all_of),
        cached_tokens=sum(usage.cached_tokens for usage in all_of),
        reasoning_tokens=sum(usage.reasoning_tokens for usage in all_of),
    )


async def _gathered(generate: Generate, requests: Sequence[GenerationRequest]) -> Chunks:
    """The chunks of all requests as they come, each with its own ends."""
    crowd = _Crowd(generate)
    tasks = [asyncio.create_task(crowd.run(i, one)) for i, one in enumerate(requests)]
    num_running = len(tasks)
    try:
        while num_running:
            item = await crowd.arrivals.get()
            if isinstance(item, Exception):
                raise item
            num_running -= bool(item.finish_reason)
            yield item
    finally:
        for task in tasks:
            task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks, return_exceptions=True)


class _Crowd:
    """Requests of one call that run beside each other, `AT_ONCE` at a time."""

    def __init__(self, generate: Generate) -> None:
        self.arrivals: asyncio.Queue[TokenChunk | Exception] = asyncio.Queue(_BUFFERED_CHUNKS)
        self._generate = generate
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._num_inside = 0
        self._departure = asyncio.Event()

    async def run(self, index: int, request: GenerationRequest) -> None:
        """Pass the chunks of one request on, or the error that ends it."""
        async with self._turns:
            try:
                await self._run(index, request)
            except Exception as error:  # noqa: BLE001 - it is raised to who reads
                await self.arrivals.put(error)

    async def _run(self, index: int, request: GenerationRequest) -> None:
        """Ask again where the places are taken, as long as others of this call hold some."""
        while True:
            departure = self._departure
            self._num_inside += 1
            try:
                await self._pass_on(index, request)
            except (OverloadedError, TooManyRequestsError):
                if self._num_inside == 1 and not departure.is_set():
                    raise
            else:
                self._departure.set()
                self._departure = asyncio.Event()
                return
            finally:
                self._num_inside -= 1
            await departure.wait()

    async def _pass_on(self, index: int, request: GenerationRequest) -> None:
        async with aclosing(self._generate(request)) as chunks:
            async for chunk in chunks:
                await self.arrivals.put(replace(chunk, index=index))
