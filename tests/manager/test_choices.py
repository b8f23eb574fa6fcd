"""Several answers to one call, against a model that does what each request's seed says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

import pytest

from jupyter_llm.errors import EngineDiedError, OverloadedError
from jupyter_llm.manager.choices import AT_ONCE, Choices, generate_choices
from jupyter_llm.types import (
    FinishReason,
    GenerationRequest,
    SamplingParams,
    Timings,
    TokenAlternative,
    TokenChunk,
    TokenLogprob,
    Usage,
)

LENGTH = 3


class Model:
    """Says its prompt and seed three times; the seed is how unlikely that was.

    It has `num_places`; the request with the seed `failing` fails after a token.
    """

    def __init__(self, *, num_places: int = 1000, failing: int | None = None) -> None:
        self.num_places = num_places
        self.failing = failing
        self.num_inside = self.most_inside = 0
        self.requests: list[GenerationRequest] = []
        self.go_on = asyncio.Event()
        self.go_on.set()

    async def generate(self, request: GenerationRequest) -> AsyncGenerator[TokenChunk, None]:
        if self.num_inside == self.num_places:
            raise OverloadedError("Full.", retry_after_s=1)
        self.requests.append(request)
        self.num_inside += 1
        self.most_inside = max(self.most_inside, self.num_inside)
        try:
            async for chunk in self._answer(request):
                yield chunk
        finally:
            self.num_inside -= 1

    async def _answer(self, request: GenerationRequest) -> AsyncGenerator[TokenChunk, None]:
        seed = request.sampling.seed or 0
        text = f"{request.prompt}{seed} "
        chosen = TokenAlternative(text=text, text_bytes=text.encode(), logprob=-float(seed))
        is_asked = request.sampling.num_top_logprobs is not None
        for _ in range(LENGTH):
            await self.go_on.wait()
            await asyncio.sleep(0)
            yield TokenChunk(text=text, logprobs=(TokenLogprob(chosen=chosen),) if is_asked else ())
            if seed == self.failing:
                raise EngineDiedError("It broke.")
        usage = Usage(prompt_tokens=10, completion_tokens=LENGTH, cached_tokens=9 if seed else 2)
        yield TokenChunk(
            text="", finish_reason=FinishReason.STOP, usage=usage, timings=Timings(queue_s=0.0)
        )


def ask(*prompts: str, n: int = 1, best_of: int = 1, seed: int | None = 0) -> Choices:
    sampling = SamplingParams(seed=seed)
    requests = (
        GenerationRequest(id="1", model_id="m", prompt=prompt, sampling=sampling)
        for prompt in prompts
    )
    return Choices(prompts=tuple(requests), n=n, best_of=best_of)


async def collect(model: Model, choices: Choices) -> list[TokenChunk]:
    async with asyncio.timeout(10):
        async with aclosing(generate_choices(model.generate, choices)) as chunks:
            return [chunk async for chunk in chunks]


def texts(chunks: list[TokenChunk]) -> dict[int, str]:
    found: dict[int, str] = {}
    for chunk in chunks:
        found[chunk.index] = found.get(chunk.index, "") + chunk.text
    return dict(sorted(found.items()))


async def test_the_answers_to_one_prompt_stand_together() -> None:
    chunks = await collect(Model(), ask("a", "b", n=2))
    assert texts(chunks) == {0: "a0 " * 3, 1: "a1 " * 3, 2: "b0 " * 3, 3: "b1 " * 3}


async def test_each_answer_has_a_reason_and_the_last_the_usage_of_all() -> None:
    chunks = await collect(Model(), ask("a", "b", n=3))
    ends = [chunk for chunk in chunks if chunk.finish_reason]
    assert sorted(chunk.index for chunk in ends) == list(range(6))
    assert [chunk for chunk in chunks if chunk.usage or chunk.timings] == [chunks[-1]]
    # a prompt counts once, and what its first answer had to compute was not cached
    assert chunks[-1].usage == Usage(prompt_tokens=20, completion_tokens=18, cached_tokens=4)


async def test_one_answer_is_passed_on_as_it_is() -> None:
    model = Model()
    whole = [chunk async for chunk in model.generate(ask("a").prompts[0])]
    assert await collect(model, ask("a")) == whole


async def test_without_a_seed_none_is_made_up() -> None:
    model = Model()
    await collect(model, ask("a", n=3, seed=None))
    assert [request.sampling.seed for request in model.requests] == [None] * 3


async def test_more_answers_than_places_wait_for_each_other() -> None:
    model = Model(num_places=2)
    chunks = await collect(model, ask("a", n=40))
    assert len(texts(chunks)) == 40
    assert model.most_inside == 2


async def test_one_call_does_not_take_all_places() -> None:
    model = Model()
    await collect(model, ask("a", n=100))
    assert model.most_inside == AT_ONCE


async def test_a_call_that_finds_no_place_at_all_is_refused() -> None:
    with pytest.raises(OverloadedError) as refused:
        await collect(Model(num_places=0), ask("a", n=4))
    assert refused.value.retry_after_s == 1


async def test_an_answer_that_fails_ends_the_others() -> None:
    model = Model(failing=2)
    with pytest.raises(EngineDiedError, match="broke"):
        await collect(model, ask("a", n=40))
    assert model.num_inside == 0


async def test_who_leaves_takes_all_answers_along() -> None:
    model = Model()
    async with aclosing(generate_choices(model.generate, ask("a", n=5))) as chunks:
        await anext(chunks)
        model.go_on.clear()
        assert model.num_inside == 5
    assert model.num_inside == 0


async def test_who_leaves_before_the_first_token_takes_all_along_too() -> None:
    model = Model()
    model.go_on.clear()
    asked = asyncio.create_task(collect(model, ask("a", n=5)))
    while model.num_inside < 5:
        await asyncio.sleep(0)
    asked.cancel()
    await asyncio.wait([asked])
    assert asked.cancelled()
    assert model.num_inside == 0


async def test_a_reader_who_is_slow_holds_the_model_up() -> None:
    model = Model()
    async with aclosing(generate_choices(model.generate, ask("a", n=128))) as chunks:
        await anext(chunks)
        for _ in range(500):
            await asyncio.sleep(0)
        assert len(model.requests) < 128


class TestBestOf:
    async def test_the_likeliest_are_kept_the_likeliest_first(self) -> None:
        chunks = await collect(Model(), ask("a", "b", n=2, best_of=5, seed=-2))
        # probability falls from seed -2 on
        assert texts(chunks) == {0: "a-2 " * 3, 1: "a-1 " * 3, 2: "b-2 " * 3, 3: "b-1 " * 3}

    async def test_all_that_were_generated_count(self) -> None:
        *chunks, last = await collect(Model(), ask("a", n=2, best_of=5))
        assert last.usage == Usage(prompt_tokens=10, completion_tokens=15, cached_tokens=2)
        assert not any(chunk.usage or chunk.timings for chunk in chunks)

    async def test_probabilities_nobody_asked_for_are_not_shown(self) -> None:
        choices = ask("a", n=1, best_of=3)
        assert not any(chunk.logprobs for chunk in await collect(Model(), choices))
        [prompt] = choices.prompts
        shown = replace(prompt, sampling=replace(prompt.sampling, num_top_logprobs=0))
        chunks = await collect(Model(), replace(choices, prompts=(shown,)))
        assert sum(len(chunk.logprobs) for chunk in chunks) == LENGTH
