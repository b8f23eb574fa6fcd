"""The llama.cpp engine on a tiny model with random weights: mechanics, not meaning."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import count

import pytest
from tiny_gguf import CONTEXT_LENGTH, write_tiny_gguf

from jupyter_llm.engines.llama_cpp.engine import LlamaCppEngine
from jupyter_llm.errors import ContextLengthError, EngineDiedError, InvalidRequestError, LLMError
from jupyter_llm.types import (
    GenerationRequest,
    LoadOptions,
    Message,
    Model,
    SamplingParams,
    TokenAlternative,
    TokenChunk,
)

GREEDY = SamplingParams(temperature=0, max_tokens=16, ignore_eos=True)
DRAWN = SamplingParams(temperature=1.0, top_k=40, seed=7, max_tokens=24, ignore_eos=True)
LONG = "the thing and the thing in the land " * 8
ids = count()


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    path = write_tiny_gguf(tmp_path_factory.mktemp("models") / "tiny.gguf")
    return Model(
        id="tiny",
        path=str(path),
        format="gguf",
        engine="llama_cpp",
        context_length=CONTEXT_LENGTH,
    )


@asynccontextmanager
async def loaded(model: Model, **options: int) -> AsyncIterator[LlamaCppEngine]:
    engine = LlamaCppEngine()
    await engine.load(model, LoadOptions(num_threads=1, **options), lambda _: None)
    try:
        yield engine
    finally:
        await engine.unload()


def ask(prompt: str, sampling: SamplingParams = GREEDY) -> GenerationRequest:
    return GenerationRequest(id=str(next(ids)), model_id="tiny", prompt=prompt, sampling=sampling)


async def answer(engine: LlamaCppEngine, request: GenerationRequest) -> list[TokenChunk]:
    return [chunk async for chunk in engine.generate(request)]


def text(chunks: list[TokenChunk]) -> str:
    return "".join(chunk.text for chunk in chunks)


def tokens(chunks: list[TokenChunk]) -> list[TokenAlternative]:
    return [logprob.chosen for chunk in chunks for logprob in chunk.logprobs]


def assert_same_distribution(one: list[TokenChunk], other: list[TokenChunk]) -> None:
    """Both drew from the same model state, up to where rounding made them part.

    llama.cpp adds up attention in the order of cells, so the last bits depend on
    who else is in the cache, and random weights let a last bit change a token.
    """
    for first, second in zip(tokens(one), tokens(other), strict=False):
        if first.text_bytes != second.text_bytes:
            return
        assert first.logprob == pytest.approx(second.logprob, abs=0.2)


async def until_idle(engine: LlamaCppEngine) -> None:
    async with asyncio.timeout(10):
        while engine.stats().num_running or engine.stats().num_waiting:
            await asyncio.sleep(0.01)


async def test_a_conversation_is_rendered_by_the_models_template(model: Model) -> None:
    async with loaded(model) as engine:
        messages = (Message(role="user", content="hello"),)
        chat = replace(ask(""), prompt=None, messages=messages)
        by_hand = ask("<|im_start|>user\nhello<|im_end|>\n<|im_start|>assistant\n")
        assert text(await answer(engine, chat)) == text(await answer(engine, by_hand))


async def test_a_preempted_answer_goes_on_where_it_was(model: Model) -> None:
    sampling = replace(DRAWN, max_tokens=120, num_top_logprobs=0)
    requests = [ask(f"{letter} hello", replace(sampling, seed=ord(letter))) for letter in "abcd"]
    async with loaded(model, slots=4, num_kv_cells=1024) as engine:
        undisturbed = [await answer(engine, request) for request in requests]
    async with loaded(model, slots=4, num_kv_cells=256) as engine:
        disturbed = await asyncio.gather(*(answer(engine, request) for request in requests))
        assert engine.stats().num_preemptions > 0
    for one, other in zip(disturbed, undisturbed, strict=True):
        assert len(tokens(one)) == len(tokens(other)) == 120
        assert_same_distribution(one, other)


async def test_an_answer_in_a_batch_is_drawn_as_the_answer_alone(model: Model) -> None:
    sampling = replace(DRAWN, num_top_logprobs=0)
    requests = [
        ask(f"{letter} hello", replace(sampling, seed=ord(letter))) for letter in "abcdefgh"
    ]
    async with loaded(model, slots=8) as engine:
        alone = [await answer(engine, request) for request in requests]
        together = await asyncio.gather(*(answer(engine, request) for request in requests))
    for one, other in zip(together, alone, strict=True):
        assert_same_distribution(one, other)


async def test_log_probabilities_are_those_of_the_model(model: Model) -> None:
    async with loaded(model) as engine:
        greedy = replace(GREEDY, num_top_logprobs=5)
        chunks = await answer(engine, ask("hello", greedy))
        everything = replace(GREEDY, num_top_logprobs=300, max_tokens=1)
        (whole,) = await answer(engine, ask("hello", everything))
    tokens = [logprob for chunk in chunks for logprob in chunk.logprobs]
    assert len(tokens) == 16
    for token in tokens:
        assert token.chosen == token.top[0]
        assert [t.logprob for t in token.top] == sorted(
            (t.logprob for t in token.top), reverse=True
        )
    (all_tokens,) = whole.logprobs
    assert sum(math.exp(t.logprob) for t in all_tokens.top) == pytest.approx(1)


async def test_a_biased_token_is_all_there_is(model: Model) -> None:
    async with loaded(model) as engine:
        token = engine._require_loaded().runtime.vocabulary.tokenize("and")[0]
        chunks = await answer(engine, ask("hello", replace(GREEDY, logit_bias=((token, 100.0),))))
    assert text(chunks) == "and" * 16


async def test_penalties_keep_an_answer_from_repeating_itself(model: Model) -> None:
    async with loaded(model) as engine:
        token = engine._require_loaded().runtime.vocabulary.tokenize("and")[0]
        bias = replace(GREEDY, logit_bias=((token, 12.0),))
        plain = text(await answer(engine, ask("hello", bias)))
        for penalty in ("frequency_penalty", "presence_penalty"):
            penalised = replace(bias, **{penalty: 50.0})
            other = text(await answer(engine, ask("hello", penalised)))
            assert other.count("and") < plain.count("and")


async def test_the_prompt_counts_for_repetition_but_not_for_presence(model: Model) -> None:
    async with loaded(model) as engine:
        one = replace(GREEDY, max_tokens=1)
        plain = text(await answer(engine, ask(LONG, one)))
        bias = {
            "logit_bias": ((engine._require_loaded().runtime.vocabulary.tokenize("and")[0], 100.0),)
        }
        presence = replace(one, presence_penalty=1000.0, **bias)
        assert text(await answer(engine, ask(LONG, presence))) == "and"
        repetition = replace(one, repeat_penalty=1000.0, **bias)
        assert text(await answer(engine, ask(LONG, repetition))) != "and"
        assert plain


async def test_a_prefix_seen_before_is_not_computed_again(model: Model) -> None:
    async with loaded(model) as engine:
        first = await answer(engine, ask(LONG))
        again = await answer(engine, ask(LONG + "hello"))
    assert first[-1].usage is not None
    assert again[-1].usage is not None
    assert first[-1].usage.cached_tokens == 0
    assert again[-1].usage.cached_tokens >= first[-1].usage.prompt_tokens - 1


async def test_a_cancelled_prefill_stops_within_a_step(model: Model) -> None:
    async with loaded(model, slots=1, batch_size=2) as engine:
        waiting = asyncio.create_task(answer(engine, ask(LONG)))
        async with asyncio.timeout(10):
            while not engine.stats().num_prompt_tokens:
                await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        num_steps = engine.stats().num_steps
        await until_idle(engine)
        assert engine.stats().num_steps <= num_steps + 2
        assert engine.stats().num_completion_tokens == 0


async def test_a_prompt_that_leaves_no_room_is_refused_with_both_numbers(model: Model) -> None:
    async with loaded(model) as engine:
        with pytest.raises(ContextLengthError, match=f"{CONTEXT_LENGTH} tokens.*has 3\\d\\d"):
            await answer(engine, ask("x" * 310))


async def test_a_full_context_ends_the_answer(model: Model) -> None:
    async with loaded(model) as engine:
        last = (await answer(engine, ask("hello", replace(GREEDY, max_tokens=None))))[-1]
    assert last.finish_reason == "length"
    assert last.usage is not None
    assert last.usage.prompt_tokens + last.usage.completion_tokens == CONTEXT_LENGTH


@pytest.mark.parametrize("token", [-1, 10**6])
async def test_a_token_that_does_not_exist_is_a_bad_request(model: Model, token: int) -> None:
    async with loaded(model) as engine:
        request = replace(ask(""), prompt=None, prompt_tokens=(1, token))
        with pytest.raises(InvalidRequestError) as caught:
            await answer(engine, request)
        assert caught.value.param == "prompt"
        biased = replace(GREEDY, logit_bias=((token, 1.0),))
        with pytest.raises(InvalidRequestError) as caught:
            await answer(engine, ask("hello", biased))
        assert caught.value.param == "logit_bias"


async def test_an_empty_prompt_is_a_bad_request(model: Model) -> None:
    async with loaded(model) as engine:
        with pytest.raises(InvalidRequestError, match="empty"):
            await answer(engine, ask(""))


async def test_the_prompt_is_echoed_when_asked(model: Model) -> None:
    async with loaded(model) as engine:
        plain = text(await answer(engine, ask("hello")))
        assert text(await answer(engine, replace(ask("hello"), echo=True))) == "hello" + plain


async def test_a_bug_in_the_thread_ends_streams_instead_of_hanging_them(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with loaded(model) as engine:
        worker = engine._require_loaded().worker
        monkeypatch.setattr(worker._stepper._pace, "observe", None)
        with pytest.raises(EngineDiedError, match="failed"):
            await answer(engine, ask(LONG))
        async with asyncio.timeout(5):
            assert isinstance(await engine.died(), LLMError)
