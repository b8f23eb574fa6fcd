"""What every engine promises (`jupyter_llm.engines.base`), tried on each of them."""

from __future__ import annotations

import asyncio
import json
import re
import threading
import time
from contextlib import suppress
from dataclasses import replace
from statistics import median

import pytest
from contract import (
    SLOTS,
    Footprint,
    Stage,
    Subject,
    address_space,
    contract,
    is_idle,
    refusals,
    staged,
    text_of,
)
from host_helpers import eventually
from jsonschema import validate

from jupyter_llm.engines.base import Engine
from jupyter_llm.errors import (
    ContextLengthError,
    EngineDiedError,
    InvalidRequestError,
    LLMError,
    ModelLoadError,
)
from jupyter_llm.types import Constraint, ConstraintKind, FinishReason, GenerationRequest

QUESTIONS = (
    "How do I load a model?",
    "How can I see which models are loaded?",
    "What is the guide?",
    "How do I stop an answer?",
    "Hello, who are you and what can you do?",
    "Which port does the server use?",
    "How do I use the openai client?",
    "How do I free the memory of a model?",
)
SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 12},
        "tags": {"type": "array", "items": {"enum": ["a", "b"]}, "maxItems": 3},
    },
    "required": ["name", "tags"],
    "additionalProperties": False,
}
FORMS = {
    ConstraintKind.JSON_SCHEMA: json.dumps(SCHEMA),
    ConstraintKind.REGEX: "(cat|dog)-[0-9]{2}",
    ConstraintKind.CHOICE: json.dumps(["yes", "no"]),
}
MOST_LATE_S = 0.25
"""No engine holds the event loop for longer; a busy machine alone may do half of it."""


def lasting(stage: Stage, text: str, max_tokens: int = 1000) -> GenerationRequest:
    """A request that does not end before so many tokens; echo needs as many to repeat."""
    long = f"{text} " * (max_tokens // 8)
    return stage.ask(long, max_tokens=max_tokens, ignore_eos=True)


@contract()
async def test_streams_and_the_last_chunk_alone_has_the_ends(stage: Stage) -> None:
    *chunks, last = await stage.answer(stage.ask(QUESTIONS[0]))
    assert sum(bool(chunk.text) for chunk in chunks) >= 3
    assert not any(chunk.finish_reason or chunk.usage or chunk.timings for chunk in chunks)
    assert last.finish_reason
    assert last.timings is not None
    assert last.usage is not None
    assert last.usage.prompt_tokens >= 4
    assert last.usage.completion_tokens >= 3


@contract("stops by itself")
async def test_an_answer_that_ends_by_itself_says_so(stage: Stage) -> None:
    last = (await stage.answer(stage.ask(QUESTIONS[0], max_tokens=None)))[-1]
    assert last.finish_reason is FinishReason.STOP
    assert last.stop is None


@contract()
async def test_an_answer_that_is_cut_says_so_and_counts_its_tokens(stage: Stage) -> None:
    last = (await stage.answer(stage.ask(QUESTIONS[0], max_tokens=3)))[-1]
    assert last.finish_reason is FinishReason.LENGTH
    assert last.usage is not None
    assert last.usage.completion_tokens == 3


@contract()
async def test_a_stop_string_ends_the_answer_without_being_in_it(stage: Stage) -> None:
    whole = text_of(await stage.answer(stage.ask(QUESTIONS[1])))
    stop = whole[7:10]
    chunks = await stage.answer(stage.ask(QUESTIONS[1], stop=("never there", stop)))
    assert text_of(chunks) == whole[: whole.index(stop)]
    assert chunks[-1].finish_reason is FinishReason.STOP
    assert chunks[-1].stop == (stop if stage.subject.can("names its stop") else None)


@contract("seeds")
async def test_a_seed_gives_the_same_text_again_and_others_give_others(stage: Stage) -> None:
    texts = []
    for seed in (1, 1, 2, 3, 4):
        request = stage.ask("Tell me a story.", temperature=1.8, seed=seed, ignore_eos=True)
        texts.append(text_of(await stage.answer(request)))
    assert texts[0] == texts[1]
    assert len(set(texts)) >= 3


@contract("logprobs")
async def test_log_probabilities_are_of_the_tokens_that_were_given(stage: Stage) -> None:
    chunks = await stage.answer(stage.ask(QUESTIONS[2], num_top_logprobs=3))
    found = [one for chunk in chunks for one in chunk.logprobs]
    given = b"".join(one.chosen.text_bytes for one in found).decode()
    # the token that ends an answer has a probability and no text of the answer
    assert given.startswith(text_of(chunks))
    assert found
    for one in found:
        numbers = [token.logprob for token in one.top]
        assert one.chosen.logprob == max(numbers)
        assert numbers == sorted(numbers, reverse=True)
        assert 1 <= len(numbers) <= 3
        assert max(numbers) <= 0


@contract("logit_bias")
async def test_a_bias_decides_what_is_chosen(stage: Stage) -> None:
    chunks = await stage.answer(stage.ask(QUESTIONS[0], num_top_logprobs=1))
    plain = text_of(chunks)
    other = stage.ask(QUESTIONS[0], logit_bias=tuple((token, -100.0) for token in range(64, 1024)))
    assert text_of(await stage.answer(other)) != plain


@contract("constraints")
async def test_a_form_is_kept_to_the_last_token(stage: Stage) -> None:
    for kind, text in FORMS.items():
        for seed in range(3):
            request = replace(
                stage.ask(QUESTIONS[0], temperature=1.0, seed=seed, max_tokens=200),
                constraint=Constraint(kind=kind, text=text),
            )
            chunks = await stage.answer(request)
            assert chunks[-1].finish_reason is FinishReason.STOP
            check_form(kind, text_of(chunks))


def check_form(kind: ConstraintKind, text: str) -> None:
    if kind is ConstraintKind.JSON_SCHEMA:
        validate(json.loads(text), SCHEMA)
    elif kind is ConstraintKind.REGEX:
        assert re.fullmatch(FORMS[kind], text)
    else:
        assert text in {"yes", "no"}


@contract("constraints")
async def test_a_form_that_nothing_has_is_refused_by_its_field(stage: Stage) -> None:
    form = Constraint(kind=ConstraintKind.REGEX, text="(", param="regex")
    with pytest.raises(InvalidRequestError) as refused:
        await stage.answer(replace(stage.ask(QUESTIONS[0]), constraint=form))
    assert refused.value.param == "regex"
    assert await stage.answer(stage.ask(QUESTIONS[0]))


@pytest.mark.parametrize(
    ("subject", "ability"), refusals(), ids=lambda one: getattr(one, "name", one)
)
def test_what_an_engine_cannot_do_is_refused_by_its_field(subject: Subject, ability: str) -> None:
    with staged(subject) as (stage, runner):
        plain = stage.ask(QUESTIONS[0])
        unable = {
            "constraints": replace(
                plain, constraint=Constraint(kind=ConstraintKind.REGEX, text="a")
            ),
            "logit_bias": stage.ask(QUESTIONS[0], logit_bias=((1, 1.0),)),
            "logprobs": stage.ask(QUESTIONS[0], num_top_logprobs=1),
            "seeds": stage.ask(QUESTIONS[0], seed=1),
        }
        with pytest.raises(InvalidRequestError) as refused:
            runner.run(stage.answer(unable[ability]))
        assert refused.value.param == subject.refuses[ability]


@contract()
async def test_a_prompt_that_is_too_long_is_refused_with_both_numbers(stage: Stage) -> None:
    with pytest.raises(ContextLengthError, match=r"\b2048\b.*\d{4}|\d{4}.*\b2048\b"):
        await stage.answer(stage.ask("one more word " * 2000))
    assert await stage.answer(stage.ask(QUESTIONS[0]))


@contract()
async def test_whoever_leaves_an_answer_frees_its_place(stage: Stage) -> None:
    for number in range(2 * SLOTS):
        stream = stage.engine.generate(lasting(stage, f"{number} and"))
        while not (await anext(stream)).text:
            pass
        await stream.aclose()
    await stage.until_idle()
    await asyncio.sleep(0.5)  # figures may come late
    before = stage.engine.stats().num_completion_tokens
    await asyncio.sleep(0.5)
    assert stage.engine.stats().num_completion_tokens == before


@contract()
async def test_whoever_leaves_the_queue_is_not_missed(stage: Stage) -> None:
    running = [asyncio.create_task(begun(stage, number)) for number in range(SLOTS)]
    streams = await asyncio.gather(*running)
    waiting = asyncio.create_task(stage.answer(stage.ask("who waits?")))
    behind = asyncio.create_task(stage.answer(stage.ask(QUESTIONS[0])))
    await asyncio.sleep(0.05)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    for stream in streams:
        await stream.aclose()
    async with asyncio.timeout(20):
        assert text_of(await behind)
    await stage.until_idle()


async def begun(stage: Stage, number: int):  # noqa: ANN201 - an asynchronous generator
    """A stream that has given its first text."""
    stream = stage.engine.generate(lasting(stage, f"{number} and"))
    while not (await anext(stream)).text:
        pass
    return stream


@contract("prefill")
async def test_whoever_leaves_before_the_first_token_stops_the_reading(stage: Stage) -> None:
    long = [stage.ask(f"{n} {'How do I load a model? ' * 220}") for n in range(SLOTS)]
    before = stage.engine.stats()
    readers = [asyncio.create_task(stage.answer(request)) for request in long]
    await asyncio.sleep(0.1)
    for reader in readers:
        reader.cancel()
    ends = await asyncio.gather(*readers, return_exceptions=True)
    assert all(isinstance(end, asyncio.CancelledError) for end in ends)
    started_at = time.monotonic()
    assert await stage.answer(stage.ask(QUESTIONS[0], max_tokens=1))
    assert time.monotonic() - started_at < 5
    await stage.until_idle()
    await asyncio.sleep(0.5)
    stats = stage.engine.stats()
    assert stats.num_prompt_tokens - before.num_prompt_tokens < SLOTS * 1700
    assert stats.num_completion_tokens - before.num_completion_tokens < SLOTS


@contract()
async def test_eight_are_served_beside_each_other(stage: Stage) -> None:
    firsts: list[float] = []
    lasts: list[float] = []

    async def follow(request: GenerationRequest) -> None:
        times = [time.monotonic() async for chunk in stage.engine.generate(request) if chunk.text]
        firsts.append(times[0])
        lasts.append(times[-1])

    await asyncio.gather(*(follow(lasting(stage, question, 100)) for question in QUESTIONS))
    assert max(firsts) < min(lasts)
    await stage.until_idle()


@contract()
async def test_an_answer_in_a_batch_is_the_answer_alone(stage: Stage) -> None:
    requests = [stage.ask(question) for question in QUESTIONS]
    alone = [text_of(await stage.answer(request)) for request in requests]
    together = await asyncio.gather(*(stage.answer(request) for request in requests))
    assert [text_of(chunks) for chunks in together] == alone
    assert len(set(alone)) == len(QUESTIONS)


@contract()
async def test_the_event_loop_is_free_while_an_engine_works(stage: Stage) -> None:
    work = asyncio.gather(*(stage.answer(lasting(stage, question, 100)) for question in QUESTIONS))
    late = []
    while not work.done():
        began_at = time.monotonic()
        await asyncio.sleep(0.005)
        late.append(time.monotonic() - began_at - 0.005)
    await work
    assert max(late) < MOST_LATE_S
    assert sum(late) / len(late) < MOST_LATE_S / 10


@contract()
async def test_a_thousand_requests_leave_nothing_behind(stage: Stage) -> None:
    footprint = Footprint()
    request = stage.ask(QUESTIONS[0], max_tokens=2)

    async def hundred() -> None:
        await asyncio.gather(*(stage.answer(request) for _ in range(100)))

    def count() -> tuple[int, list[tuple[int, int]]]:
        tasks = len(asyncio.all_tasks())
        return tasks, [(p.num_fds(), p.num_threads()) for p in footprint.processes()]

    for _ in range(2):
        await hundred()
    before, memory_before = count(), footprint.num_bytes()
    done_before = stage.engine.stats().num_completion_tokens
    for _ in range(10):
        await hundred()
    await stage.until_idle()
    assert count() == before
    assert footprint.num_bytes() - memory_before < 24 << 20
    async with asyncio.timeout(5):
        while stage.engine.stats().num_completion_tokens < done_before + 2000:
            await asyncio.sleep(0.05)


@contract("memory")
async def test_a_load_without_memory_fails_and_leaves_nothing(stage: Stage) -> None:
    footprint, subject = Footprint(), stage.subject

    async def kept() -> int:
        before = footprint.num_bytes()
        engine = subject.make()
        with address_space(subject.spare_bytes), pytest.raises(ModelLoadError):
            await stage.load(engine, subject.too_much)
        await engine.unload()
        return footprint.num_bytes() - before

    # one may bring in what a process needs but once; what is lost is lost at each
    assert median([await kept() for _ in range(subject.num_loads)]) < 24 << 20
    assert len(footprint.processes()) == 1
    assert await stage.answer(stage.ask(QUESTIONS[0], max_tokens=1))


@contract("memory")
async def test_a_load_that_is_cancelled_leaves_nothing(stage: Stage) -> None:
    footprint = Footprint()
    engine = stage.subject.make()
    loading = asyncio.create_task(stage.load(engine))
    await asyncio.sleep(0.02)
    loading.cancel()
    with suppress(asyncio.CancelledError):
        await loading
    await engine.unload()
    assert len(footprint.processes()) == 1
    with pytest.raises(EngineDiedError):
        await anext(engine.generate(stage.ask(QUESTIONS[0])))


@contract("memory")
async def test_unload_gives_the_memory_back(stage: Stage) -> None:
    footprint = Footprint()

    async def use() -> int:
        async with stage.another() as engine:
            async for _ in engine.generate(stage.ask(QUESTIONS[0])):
                pass
            return footprint.num_bytes()

    await use()
    before, num_threads = footprint.num_bytes(), threading.active_count()
    held = [await use() for _ in range(stage.subject.num_loads)]
    assert min(held) > before
    assert footprint.num_bytes() - before < 12 << 20
    assert len(footprint.processes()) == 1
    await eventually(lambda: threading.active_count() <= num_threads)


@contract()
async def test_unload_ends_what_runs_and_what_waits(stage: Stage) -> None:
    async with stage.another() as engine:
        requests = [lasting(stage, f"{number} and") for number in range(2 * SLOTS)]
        readers = [asyncio.create_task(last_of(engine, request)) for request in requests]
        while is_idle(engine):
            await asyncio.sleep(0)
        await asyncio.gather(engine.unload(), engine.unload())
        ends = await asyncio.wait_for(asyncio.gather(*readers, return_exceptions=True), 10)
        assert {type(end) for end in ends} == {EngineDiedError}
        assert is_idle(engine)
        with pytest.raises(EngineDiedError):
            await last_of(engine, requests[0])
        died = asyncio.create_task(engine.died())
        await asyncio.wait([died], timeout=0.1)
        assert not died.done()
        died.cancel()


async def last_of(engine: Engine, request: GenerationRequest) -> LLMError | None:
    async for _ in engine.generate(request):
        await asyncio.sleep(0)
    return None
