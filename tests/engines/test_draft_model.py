"""A model that guesses for another changes how fast an answer comes, and nothing else."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
from guessing import QUESTIONS, answers, ask, both, loaded, num_steps, repeating, told
from llama_helpers import continue_text, gguf_model
from tiny_gguf import write_tiny_gguf
from tiny_mamba import write_tiny_mamba

from jupyter_llm.engines.echo.engine import EchoEngine
from jupyter_llm.engines.host.engine import HostedEngine
from jupyter_llm.engines.llama_cpp.drafter import LONGEST_PAUSE, Drafter, Drafts
from jupyter_llm.engines.llama_cpp.eagerness import MAX_GUESSES
from jupyter_llm.engines.llama_cpp.engine import LlamaCppEngine
from jupyter_llm.engines.llama_cpp.runtime import Runtime
from jupyter_llm.engines.llama_cpp.sequence import Sequence
from jupyter_llm.errors import InvalidRequestError, LLMError, ModelFileError
from jupyter_llm.types import (
    Constraint,
    ConstraintKind,
    GenerationRequest,
    LoadOptions,
    Model,
    SamplingParams,
)


def itself(model: Model) -> dict[str, str]:
    return {"draft_model": model.path}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """In float32: where tokens are nearly as likely, rounding would choose by the batch."""
    path = tmp_path_factory.mktemp("tiny") / "tiny.gguf"
    return gguf_model(write_tiny_gguf(path, quantizes=False))


@pytest.fixture(scope="module")
def damaged(tiny: Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("damaged") / "damaged.gguf"
    path.write_bytes(Path(tiny.path).read_bytes()[:-4096])
    return path


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A draft model of the same vocabulary that knows nothing of what the other says."""
    path = write_tiny_gguf(tmp_path_factory.mktemp("other") / "other.gguf", seed=1, quantizes=False)
    return {"draft_model": str(path)}


def texts() -> list[GenerationRequest]:
    """More than are guessed for at a time, of unequal lengths, so that some end sooner."""
    return [
        continue_text(f"the thing in {'hello ' * n}", temperature=0, max_tokens=20 + 9 * n)
        for n in range(6)
    ]


async def test_a_model_that_guesses_for_itself_is_right_and_saves_steps(exact_guide: Model) -> None:
    plain, guessed, num_plain, num_guessed = await both(
        exact_guide, [ask(QUESTIONS[0])], itself(exact_guide)
    )
    assert [told(chunks) for chunks in guessed] == [told(chunks) for chunks in plain]
    assert num_guessed < 0.4 * num_plain


async def test_answers_of_several_streams_are_the_same_and_save_steps(exact_guide: Model) -> None:
    requests = [ask(question) for question in QUESTIONS]
    plain, guessed, num_plain, num_guessed = await both(exact_guide, requests, itself(exact_guide))
    assert [told(chunks) for chunks in guessed] == [told(chunks) for chunks in plain]
    assert num_guessed < 0.5 * num_plain


async def test_guesses_of_a_model_that_knows_nothing_change_nothing(
    tiny: Model, other: dict[str, str]
) -> None:
    for requests in (texts()[:1], texts()[:3], texts()):
        plain, guessed, _, _ = await both(tiny, requests, other)
        assert [told(chunks) for chunks in guessed] == [told(chunks) for chunks in plain]


async def test_preempted_answers_are_the_same(tiny: Model, other: dict[str, str]) -> None:
    requests = [
        continue_text(f"{word} the", temperature=0, max_tokens=70, ignore_eos=True)
        for word in ("hello", "world", "thing", "in")
    ]
    for draft in (other, itself(tiny)):
        sizes = {"slots": 4, "context_length": 128, "num_kv_cells": 160}
        plain, guessed, _, _ = await both(tiny, requests, draft, **sizes)
        assert [told(chunks) for chunks in guessed] == [told(chunks) for chunks in plain]


async def test_a_small_batch_holds_what_is_guessed(tiny: Model) -> None:
    for slots in (1, 2):
        sizes = {"slots": slots, "batch_size": 4}
        plain, guessed, _, _ = await both(tiny, texts()[:2], itself(tiny), **sizes)
        assert [told(chunks) for chunks in guessed] == [told(chunks) for chunks in plain]


async def test_drawn_answers_and_their_log_probabilities_are_the_same(exact_guide: Model) -> None:
    request = ask(QUESTIONS[1], temperature=0.5, seed=3, num_top_logprobs=1)
    plain, guessed, num_plain, num_guessed = await both(exact_guide, [request], itself(exact_guide))
    (one,), (two,) = plain, guessed
    assert told(one) == told(two)
    assert [lp.chosen.logprob for chunk in two for lp in chunk.logprobs] == pytest.approx(
        [lp.chosen.logprob for chunk in one for lp in chunk.logprobs], abs=0.01
    )
    assert num_guessed < num_plain


async def test_limits_and_stop_strings_hold_in_the_middle_of_guesses(exact_guide: Model) -> None:
    request = ask(QUESTIONS[1])
    requests = [
        replace(request, sampling=replace(request.sampling, max_tokens=length))
        for length in range(1, 14)
    ]
    requests.append(replace(request, sampling=replace(request.sampling, stop=("tiny",))))
    async with loaded(exact_guide) as engine:
        plain = [await answers(engine, [one]) for one in requests]
    async with loaded(exact_guide, **itself(exact_guide)) as engine:
        guessed = [await answers(engine, [one]) for one in requests]
    assert [told(one) for (one,) in guessed] == [told(one) for (one,) in plain]


async def test_a_form_holds_behind_guesses(exact_guide: Model) -> None:
    form = Constraint(
        kind=ConstraintKind.JSON_SCHEMA,
        text=json.dumps({"type": "array", "items": {"const": {"a": 1, "b": 2}}, "minItems": 8}),
    )
    request = replace(repeating('{"a": 1, "b": 2} '), constraint=form)
    plain, guessed, _, _ = await both(exact_guide, [request], itself(exact_guide))
    assert told(guessed[0]) == told(plain[0])


async def test_those_who_leave_in_the_middle_leave_others_their_answers(exact_guide: Model) -> None:
    async with loaded(exact_guide, **itself(exact_guide)) as engine:
        (alone,) = await answers(engine, [ask(QUESTIONS[0])])
        leaving = engine.generate(ask(QUESTIONS[1]))
        staying = asyncio.create_task(answers(engine, [ask(QUESTIONS[0])]))
        await anext(leaving)
        await leaving.aclose()
        (beside,) = await staying
        await num_steps(engine)
    assert told(beside)[0] == told(alone)[0]


async def test_a_draft_model_guesses_in_a_child_process_too(exact_guide: Model) -> None:
    engine = HostedEngine("llama_cpp")
    options = LoadOptions(num_threads=1, slots=1, context_length=512, **itself(exact_guide))
    probed = await engine.probe(exact_guide, options)
    memory = await engine.load(exact_guide, options, lambda _: None)
    try:
        ((*_, last),) = await answers(engine, [ask(QUESTIONS[0])])  # type: ignore[arg-type]
        async with asyncio.timeout(5):
            while engine.stats().num_running or not engine.stats().num_completion_tokens:
                await asyncio.sleep(0.01)
        assert last.usage is not None
        assert engine.stats().num_steps < 0.5 * last.usage.completion_tokens
    finally:
        await engine.unload()
    assert replace(probed, overhead_bytes=0) == memory


async def test_the_probe_counts_weights_cache_and_buffers_of_the_draft_model(
    tiny: Model, other: dict[str, str]
) -> None:
    sizes = {"slots": 2, "context_length": 128, "num_kv_cells": 256}
    probe = LlamaCppEngine().probe
    bare = await probe(tiny, LoadOptions(**sizes))
    both_use = await probe(tiny, LoadOptions(**sizes, **other))
    assert both_use.weights_bytes == 2 * bare.weights_bytes
    assert both_use.kv_cache_bytes == 2 * bare.kv_cache_bytes
    assert both_use.compute_bytes > 1.5 * bare.compute_bytes


async def refusal(model: Model, draft: Path | str, **options: object) -> LLMError:
    """What both the probe and the load say."""
    wanted = LoadOptions(num_threads=1, draft_model=str(draft), **options)
    with pytest.raises(LLMError) as loading:
        await LlamaCppEngine().load(model, wanted, lambda _: None)
    with pytest.raises(LLMError) as probing:
        await LlamaCppEngine().probe(model, wanted)
    assert type(loading.value) is type(probing.value)
    assert loading.value.param == probing.value.param
    return probing.value


async def test_a_draft_model_of_another_vocabulary_is_refused(
    exact_guide: Model, tiny: Model, tmp_path: Path
) -> None:
    one = write_tiny_gguf(tmp_path / "one.gguf", markers=["<a>", "<b>"])
    two = write_tiny_gguf(tmp_path / "two.gguf", markers=["<a>", "<c>"])
    refused = (
        (exact_guide, tiny.path, "a vocabulary of "),
        (gguf_model(one), two, "'<c>', and the model's '<b>'"),
    )
    for model, draft, why in refused:
        error = await refusal(model, draft)
        assert isinstance(error, InvalidRequestError)
        assert (error.param, why in error.message) == ("draft_model", True)


async def test_a_vocabulary_that_is_filled_up_further_is_the_same(
    tiny: Model, tmp_path: Path
) -> None:
    longer = write_tiny_gguf(tmp_path / "longer.gguf", seed=2, markers=["<x>"], quantizes=False)
    for model, draft in ((tiny, str(longer)), (gguf_model(longer), tiny.path)):
        plain, guessed, _, _ = await both(model, texts()[:3], {"draft_model": draft})
        assert [told(chunks) for chunks in guessed] == [told(chunks) for chunks in plain]


async def test_a_recurrent_model_neither_guesses_nor_is_guessed_for(
    tiny: Model, tmp_path: Path
) -> None:
    mamba = write_tiny_mamba(tmp_path / "mamba.gguf")
    for model, draft in ((tiny, str(mamba)), (gguf_model(mamba), tiny.path)):
        error = await refusal(model, draft)
        assert isinstance(error, InvalidRequestError)
        assert (error.param, "recurrent" in error.message) == ("draft_model", True)


async def test_a_draft_model_that_reads_less_than_the_context_is_refused(
    tiny: Model, tmp_path: Path
) -> None:
    short = write_tiny_gguf(tmp_path / "short.gguf", context_length=64)
    error = await refusal(tiny, short)
    assert isinstance(error, InvalidRequestError)
    assert (error.param, "64 tokens" in error.message) == ("draft_model", True)
    async with loaded(tiny, context_length=64, draft_model=str(short)) as engine:
        assert engine.stats().context_length == 64


async def test_a_damaged_draft_model_is_named(tiny: Model, damaged: Path) -> None:
    error = await refusal(tiny, damaged)
    assert isinstance(error, ModelFileError)
    assert (error.param, error.message.startswith(str(damaged))) == ("draft_model", True)


@pytest.mark.parametrize("speculation", ["none", "prompt_lookup"])
async def test_another_way_of_guessing_beside_a_draft_model_is_refused(
    tiny: Model, speculation: str
) -> None:
    assert (await refusal(tiny, tiny.path, speculation=speculation)).param == "speculation"


async def test_guessing_by_a_draft_model_needs_one(tiny: Model) -> None:
    assert (await refusal(tiny, "", speculation="draft_model")).param == "draft_model"


async def test_an_engine_without_tokens_refuses_a_draft_model() -> None:
    model = Model(id="echo", format="echo", engine="echo")
    with pytest.raises(InvalidRequestError) as caught:
        await EchoEngine().load(model, LoadOptions(draft_model="x"), lambda _: None)
    assert caught.value.param == "draft_model"


@contextmanager
def drafter(model: Model, **options: int) -> Iterator[tuple[Drafter, Runtime]]:
    wanted = LoadOptions(num_threads=1, **{"slots": 3, **options})
    runtime = Runtime(model, wanted, lambda _: True)
    try:
        yield Drafter(runtime, num_outputs=24, num_tokens=runtime.vocabulary.num_tokens), runtime
    finally:
        runtime.free()


ids = count()


def begun(runtime: Runtime, tokens: list[int]) -> Sequence:
    """A sequence whose first token was drawn."""
    sampling = SamplingParams(temperature=0, ignore_eos=True)
    request = GenerationRequest(id=str(next(ids)), model_id="tiny", sampling=sampling)
    sequence = Sequence(request, tokens[:-1], runtime.vocabulary, room=1000)
    sequence.tokens.append(tokens[-1])
    sequence.num_computed = len(tokens) - 1
    return sequence


def guesses_of(machine: Drafter, sequences: list[Sequence]) -> list[tuple[int, ...]]:
    machine.draft(sequences)
    return [sequence.guesses(MAX_GUESSES) for sequence in sequences]


def test_the_cache_follows_what_comes_true_whatever_that_is(tiny: Model) -> None:
    dice = random.Random(5)
    with drafter(tiny, num_kv_cells=512) as (machine, runtime), drafter(tiny) as (fresh, _):
        sequences = [begun(runtime, [dice.randrange(250) for _ in range(9)]) for _ in range(3)]
        for sequence in sequences:
            machine.begin(sequence)
        for _ in range(25):
            running = dice.sample(sequences, dice.randint(1, 3))  # the others are preempted
            for sequence, guesses in zip(running, guesses_of(machine, running), strict=True):
                assert guesses
                again = begun(runtime, sequence.tokens)
                fresh.begin(again)
                (expected,) = guesses_of(fresh, [again])
                fresh.end(again)
                common = min(len(guesses), len(expected))
                assert guesses[:common] == expected[:common]
                num_right = dice.randint(0, len(guesses))
                sequence.tokens += [*guesses[:num_right], dice.randrange(250)]
                sequence.num_computed = len(sequence.tokens) - 1
                sequence.learn(1, 1)
        for sequence in sequences:
            machine.end(sequence)
        assert machine.cache.reserve(machine.cache.num_cells)
        assert machine.cache.num_used == 0


def test_more_sequences_than_are_worth_it_are_not_guessed_for(tiny: Model) -> None:
    with drafter(tiny, slots=2) as (machine, runtime):
        sequences = [begun(runtime, [1, 2, 3, number]) for number in range(3)]
        for sequence in sequences:
            machine.begin(sequence)
        assert guesses_of(machine, sequences) == [(), (), ()]
        assert all(guesses_of(machine, sequences[1:]))


def test_a_long_prompt_is_read_in_parts_before_it_is_guessed_for(tiny: Model) -> None:
    with drafter(tiny, batch_size=32) as (machine, runtime):
        short, long = begun(runtime, [1, 2, 3]), begun(runtime, list(range(100)))
        machine.begin(long)
        machine.begin(short)
        assert [bool(*guesses_of(machine, [long])) for _ in range(3)] == [False] * 3
        assert all(guesses_of(machine, [long, short]))


def test_guesses_stand_until_the_step_that_checks_them_is_done(tiny: Model) -> None:
    with drafter(tiny) as (machine, runtime):
        sequence = begun(runtime, [1, 2, 3])
        machine.begin(sequence)
        (first,) = guesses_of(machine, [sequence])
        assert guesses_of(machine, [sequence]) == [first]
        sequence.tokens += first[:1]
        assert sequence.guesses(MAX_GUESSES) == ()


def test_wrong_guesses_end_in_long_pauses() -> None:
    drafts, num_tokens, num_guessed = Drafts(), 0, 0
    for num_tokens in range(2000):
        if wanted := drafts.wanted(num_tokens):
            num_guessed += wanted
            drafts.learn(num_tokens, wanted, 0)
    assert num_guessed < 0.04 * num_tokens
    assert drafts.wanted(num_tokens + LONGEST_PAUSE) > 0
