from __future__ import annotations

import asyncio
import math
import struct
from dataclasses import replace
from typing import Any

import pytest

from jupyter_llm.engines.echo.engine import EchoEngine
from jupyter_llm.engines.echo.words import split_tokens
from jupyter_llm.errors import ContextLengthError, EngineDiedError, InvalidRequestError
from jupyter_llm.types import (
    EmbeddingRequest,
    Embeddings,
    FinishReason,
    GenerationRequest,
    LoadOptions,
    Message,
    Model,
    SamplingParams,
    TokenChunk,
    TokenizeRequest,
    TokenList,
    Usage,
)

MODEL = Model(id="echo", format="echo", engine="echo")


def ask(text: str, *, echo: bool = False, **sampling: Any) -> GenerationRequest:
    return GenerationRequest(
        id="1",
        model_id="echo",
        prompt=text,
        echo=echo,
        sampling=SamplingParams(**sampling),
    )


async def loaded(*, delay_s: float = 0.0, **options: Any) -> EchoEngine:
    engine = EchoEngine(delay_s=delay_s)
    await engine.load(MODEL, LoadOptions(**options), lambda _part: None)
    return engine


def answer(request: GenerationRequest, **options: Any) -> list[TokenChunk]:
    async def collect() -> list[TokenChunk]:
        engine = await loaded(**options)
        return [chunk async for chunk in engine.generate(request)]

    return asyncio.run(collect())


def text_of(chunks: list[TokenChunk]) -> str:
    return "".join(chunk.text for chunk in chunks)


def test_says_the_prompt_word_by_word_and_ends_with_the_figures() -> None:
    chunks = answer(ask("one two\n three "))
    assert [chunk.text for chunk in chunks] == ["one", " two", "\n three", " ", ""]
    assert [chunk.finish_reason for chunk in chunks[:-1]] == [None] * 4
    assert chunks[-1].finish_reason is FinishReason.STOP
    assert chunks[-1].usage == Usage(prompt_tokens=4, completion_tokens=4)
    assert chunks[-1].timings is not None


def test_repeats_the_last_user_message_and_counts_the_whole_conversation() -> None:
    messages = (
        Message(role="system", content="be brief"),
        Message(role="user", content="first"),
        Message(role="assistant", content="first"),
        Message(role="user", content="second one"),
        Message(role="assistant", content="so"),
    )
    chunks = answer(GenerationRequest(id="1", model_id="echo", messages=messages))
    assert text_of(chunks) == "second one"
    assert chunks[-1].usage == Usage(prompt_tokens=7, completion_tokens=2)


def test_max_tokens_cuts_and_says_so() -> None:
    chunks = answer(ask("one two three", max_tokens=2))
    assert text_of(chunks) == "one two"
    assert chunks[-1].finish_reason is FinishReason.LENGTH


@pytest.mark.parametrize(
    ("stop", "expected", "matched"),
    [
        ((" three",), "one two", " three"),
        (("wo", "ne"), "o", "ne"),
        (("absent", ""), "one two three", None),
    ],
)
def test_ends_before_the_earliest_stop_string(
    stop: tuple[str, ...], expected: str, matched: str | None
) -> None:
    chunks = answer(ask("one two three", stop=stop))
    assert text_of(chunks) == expected
    assert chunks[-1].finish_reason is FinishReason.STOP
    assert chunks[-1].stop == matched


def test_an_empty_prompt_gets_an_empty_answer() -> None:
    assert [chunk.text for chunk in answer(ask(""))] == [""]


def test_echo_puts_the_prompt_before_the_answer_without_counting_it() -> None:
    chunks = answer(ask("one two", echo=True))
    assert text_of(chunks) == "one twoone two"
    assert chunks[-1].usage == Usage(prompt_tokens=2, completion_tokens=2)


def test_a_prompt_is_scored_and_its_first_token_follows_nothing() -> None:
    request = ask("one two", echo=True, num_top_logprobs=1, max_tokens=1)
    logprobs = [one for chunk in answer(request) for one in chunk.logprobs]
    assert [one.chosen.logprob for one in logprobs] == [None, 0.0, 0.0]
    assert [one.offset for one in logprobs] == [0, 3, 7]


def test_the_only_choice_is_certain() -> None:
    chunk = answer(ask("Grüße", num_top_logprobs=1))[0]
    assert chunk.logprobs[0].chosen.logprob == 0.0
    assert chunk.logprobs[0].chosen.text_bytes == "Grüße".encode()
    assert chunk.logprobs[0].top == (chunk.logprobs[0].chosen,)


def test_a_seed_changes_nothing() -> None:
    texts = {text_of(answer(ask("one two", seed=seed, temperature=2.0))) for seed in (None, 1, 2)}
    assert texts == {"one two"}


def test_a_prompt_beyond_the_context_is_refused_with_both_numbers() -> None:
    with pytest.raises(ContextLengthError, match=r"3 tokens.*holds 3"):
        answer(ask("one two three"), context_length=3)


def test_the_answer_stops_where_the_context_ends() -> None:
    chunks = answer(ask("one two three"), context_length=5)
    assert text_of(chunks) == "one two"
    assert chunks[-1].finish_reason is FinishReason.LENGTH


def test_more_tokens_than_the_context_has_room_for_are_a_bound_like_any_other() -> None:
    assert text_of(answer(ask("one two three", max_tokens=99), context_length=5)) == "one two"


def test_what_it_has_not_is_refused_by_name() -> None:
    with pytest.raises(InvalidRequestError) as refused:
        answer(GenerationRequest(id="1", model_id="echo", prompt_tokens=(1, 2)))
    assert refused.value.param == "prompt"
    with pytest.raises(InvalidRequestError) as refused:
        answer(ask("one", logit_bias=((1, 2.0),)))
    assert refused.value.param == "logit_bias"
    with pytest.raises(InvalidRequestError) as refused:
        answer(GenerationRequest(id="1", model_id="echo", messages=()))
    assert refused.value.param == "messages"


def test_closing_the_generator_gives_the_slot_to_the_next_request() -> None:
    async def scenario() -> None:
        engine = await loaded(slots=1)
        first = engine.generate(ask("one two"))
        await anext(first)
        second = asyncio.create_task(anext(engine.generate(ask("three"))))
        await asyncio.sleep(0.01)
        assert (engine.stats().num_running, engine.stats().num_waiting) == (1, 1)
        await first.aclose()
        assert (await asyncio.wait_for(second, 5)).text == "three"
        assert engine.stats().num_waiting == 0

    asyncio.run(scenario())


def test_unload_ends_running_and_waiting_requests() -> None:
    async def scenario() -> None:
        engine = await loaded(slots=1, delay_s=0.01)
        streams = [engine.generate(ask("one two three")) for _ in range(4)]
        running = [asyncio.ensure_future(anext(stream)) for stream in streams]
        await running[0]
        await engine.unload()
        await engine.unload()
        with pytest.raises(EngineDiedError):
            await anext(streams[0])
        ended = await asyncio.wait_for(asyncio.gather(*running[1:], return_exceptions=True), 5)
        assert [type(error) for error in ended] == [EngineDiedError] * 3
        assert (engine.stats().num_running, engine.stats().num_waiting) == (0, 0)

    asyncio.run(scenario())


def test_other_work_runs_between_the_tokens() -> None:
    async def scenario() -> int:
        engine = await loaded()
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                ticks += 1
                await asyncio.sleep(0)

        ticker = asyncio.create_task(tick())
        async for _ in engine.generate(ask("word " * 100)):
            pass
        ticker.cancel()
        return ticks

    assert asyncio.run(scenario()) >= 100


def test_tokens_join_to_the_text() -> None:
    for text in ("", " ", "a", " a b\t\nc ", "ä ö\u3000ü"):
        assert "".join(split_tokens(text)) == text


def test_words_have_numbers_and_texts_of_the_same_words_the_same_vector() -> None:
    inputs = ("one two", "Two  one", "three", "")
    request = EmbeddingRequest(id="1", model_id="echo", inputs=inputs)

    async def scenario() -> tuple[TokenList, Embeddings]:
        engine = await loaded(context_length=2)
        with pytest.raises(ContextLengthError, match=r"3 tokens.*holds 2"):
            await engine.embed(replace(request, inputs=("a b c",)))
        with pytest.raises(InvalidRequestError, match="have 64"):
            await engine.embed(replace(request, dimensions=65))
        return await engine.tokenize(TokenizeRequest(request=ask("a b a"))), (
            await engine.embed(request)
        )

    tokens, embeddings = asyncio.run(scenario())
    vectors = [struct.unpack("<64f", vector) for vector in embeddings.vectors]
    assert tokens.pieces == (b"a", b" b", b" a")
    assert len(set(tokens.ids)) == 3
    assert vectors[0] == vectors[1] != vectors[2]
    assert all(math.hypot(*vector) == pytest.approx(1) for vector in vectors)
    assert embeddings.usage.prompt_tokens == 5
