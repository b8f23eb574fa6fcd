"""The log-probabilities of a prompt's own tokens, on a tiny model with random weights."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import count

import pytest
from llama_helpers import gguf_model
from tiny_gguf import CONTEXT_LENGTH, write_tiny_gguf

from jupyter_llm.engines.common.scoring import offsets_in
from jupyter_llm.engines.llama_cpp.engine import LlamaCppEngine
from jupyter_llm.errors import ContextLengthError, InvalidRequestError
from jupyter_llm.types import (
    GenerationRequest,
    LoadOptions,
    Model,
    SamplingParams,
    TokenChunk,
    TokenLogprob,
)

LONG = "the thing and the thing in the land " * 4
GREEDY = SamplingParams(temperature=0, max_tokens=16, num_top_logprobs=2, ignore_eos=True)
NOTHING = replace(GREEDY, max_tokens=0)
ids = count()


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    path = tmp_path_factory.mktemp("models") / "tiny.gguf"
    return gguf_model(write_tiny_gguf(path, quantizes=False))


@asynccontextmanager
async def loaded(model: Model, **options: int) -> AsyncIterator[LlamaCppEngine]:
    engine = LlamaCppEngine()
    # in 32 bits a batch changes the last of them alone
    wanted = LoadOptions(num_threads=1, kv_type="f32", **options)
    await engine.load(model, wanted, lambda _: None)
    try:
        yield engine
    finally:
        await engine.unload()


def echo(prompt: str | tuple[int, ...], sampling: SamplingParams = NOTHING) -> GenerationRequest:
    request = GenerationRequest(id=str(next(ids)), model_id="tiny", sampling=sampling, echo=True)
    if isinstance(prompt, str):
        return replace(request, prompt=prompt)
    return replace(request, prompt_tokens=prompt)


async def answer(engine: LlamaCppEngine, request: GenerationRequest) -> list[TokenChunk]:
    return [chunk async for chunk in engine.generate(request)]


def text(chunks: list[TokenChunk]) -> str:
    return "".join(chunk.text for chunk in chunks)


def logprobs(chunks: list[TokenChunk]) -> list[TokenLogprob]:
    return [logprob for chunk in chunks for logprob in chunk.logprobs]


def assert_alike(one: list[TokenLogprob], other: list[TokenLogprob]) -> None:
    assert len(one) == len(other)
    for first, second in zip(one, other, strict=True):
        assert first.chosen.text_bytes == second.chosen.text_bytes
        assert first.chosen.logprob == pytest.approx(second.chosen.logprob, abs=1e-4)
        assert [t.logprob for t in first.top] == pytest.approx(
            [t.logprob for t in second.top], abs=1e-4
        )


async def test_an_answer_read_as_a_prompt_has_the_probabilities_it_was_drawn_with(
    model: Model,
) -> None:
    async with loaded(model) as engine:
        vocabulary = engine._require_loaded().runtime.vocabulary
        prompt = tuple(vocabulary.tokenize(LONG))
        drawn = await answer(engine, replace(echo(prompt, GREEDY), echo=False))
        number_of = {vocabulary.name(t): t for t in range(vocabulary.num_tokens)}
        said = tuple(number_of[logprob.chosen.text_bytes] for logprob in logprobs(drawn))
        scored = await answer(engine, echo(prompt + said))
    assert len(said) == 16
    assert_alike(logprobs(scored)[len(prompt) :], logprobs(drawn))


async def test_the_first_token_follows_nothing(model: Model) -> None:
    async with loaded(model) as engine:
        for prompt in (LONG, "x"):
            first, *others = logprobs(await answer(engine, echo(prompt)))
            assert (first.chosen.logprob, first.top) == (None, ())
            assert all(len(logprob.top) == 2 for logprob in others)


async def test_a_prompt_alone_is_answered_by_nothing(model: Model) -> None:
    async with loaded(model) as engine:
        chunks = await answer(engine, echo(LONG))
        silent = replace(NOTHING, num_top_logprobs=None)
        assert text(await answer(engine, echo(LONG, silent))) == LONG
    assert text(chunks) == LONG
    last = chunks[-1]
    assert last.finish_reason == "length"
    assert last.usage is not None
    assert (last.usage.prompt_tokens, last.usage.completion_tokens) == (len(logprobs(chunks)), 0)


async def test_what_the_cache_holds_is_computed_again_where_its_logits_are_wanted(
    model: Model,
) -> None:
    async with loaded(model) as engine:
        first = await answer(engine, echo(LONG))
        again = await answer(engine, echo(LONG))
        plain = await answer(engine, replace(echo(LONG, GREEDY), echo=False))
    assert_alike(logprobs(again), logprobs(first))
    assert again[-1].usage is not None
    assert plain[-1].usage is not None
    assert again[-1].usage.cached_tokens == 0
    assert plain[-1].usage.cached_tokens == plain[-1].usage.prompt_tokens - 1


async def test_scores_are_the_same_among_others_and_when_cells_run_out(model: Model) -> None:
    prompts = [f"{letter} {LONG}" for letter in "abcdef"]
    sampling = replace(GREEDY, max_tokens=40)
    async with loaded(model, slots=4, num_kv_cells=1024) as engine:
        alone = [await answer(engine, echo(prompt)) for prompt in prompts]
    async with loaded(model, slots=4, num_kv_cells=256) as engine:
        disturbing = [
            asyncio.create_task(answer(engine, echo(f"{letter}!", sampling))) for letter in "xyz"
        ]
        together = await asyncio.gather(*(answer(engine, echo(prompt)) for prompt in prompts))
        await asyncio.gather(*disturbing)
    for one, other in zip(together, alone, strict=True):
        assert_alike(logprobs(one), logprobs(other))


async def test_offsets_count_the_prompt_and_then_the_answer(model: Model) -> None:
    prompt = "hello 🐘 <|im_end|>the"
    async with loaded(model) as engine:
        chunks = await answer(engine, echo(prompt, GREEDY))
    whole = text(chunks)
    found = logprobs(chunks)
    assert whole.startswith(prompt)
    for logprob in found:
        if logprob.offset < len(prompt) and "\ufffd" not in logprob.chosen.text:
            assert whole.startswith(logprob.chosen.text, logprob.offset)
    offsets = [logprob.offset for logprob in found]
    assert offsets == sorted(offsets)
    assert offsets[-16] == len(prompt)


@pytest.mark.parametrize(
    ("pieces", "offsets"),
    [
        ([b"ab", b"c"], (0, 2)),
        ([b"<s>", b" ab", b"c"], (0, 0, 2)),
        ([b"ab", b"c\xc3", b"\xa9", b"x"], (0, 2, 3, 4)),
    ],
)
def test_what_tokens_spell_before_the_text_has_no_place_in_it(
    pieces: list[bytes], offsets: tuple[int, ...]
) -> None:
    spelled = b"".join(pieces).decode()
    assert offsets_in(spelled.removeprefix("<s> "), pieces) == offsets


async def test_a_prompt_as_long_as_the_context_can_be_scored_but_not_answered(
    model: Model,
) -> None:
    full = tuple(range(100, 100 + CONTEXT_LENGTH // 2)) * 2
    async with loaded(model) as engine:
        assert len(logprobs(await answer(engine, echo(full)))) == CONTEXT_LENGTH
        with pytest.raises(ContextLengthError, match=f"{CONTEXT_LENGTH} tokens.*{CONTEXT_LENGTH} "):
            await answer(engine, echo(full, replace(GREEDY, max_tokens=1)))
        with pytest.raises(ContextLengthError, match=f"has {CONTEXT_LENGTH + 1} "):
            await answer(engine, echo((*full, 1)))
        last = (await answer(engine, echo(full[1:], GREEDY)))[-1]
    assert last.usage is not None
    assert (last.usage.completion_tokens, last.finish_reason) == (1, "length")


class TestTheGap:
    """Fill-in-the-middle."""

    async def test_stands_between_what_is_before_and_behind_it(
        self, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        path = tmp_path_factory.mktemp("models") / "fills.gguf"
        async with loaded(gguf_model(write_tiny_gguf(path, fills_gaps=True))) as engine:
            vocabulary = engine._require_loaded().runtime.vocabulary
            gap = vocabulary.gap_tokens
            assert gap is not None
            names = [vocabulary.name(t) for t in (*gap.begin, gap.suffix, gap.middle)]
            assert names == [b"<|fim_prefix|>", b"<|fim_suffix|>", b"<|fim_middle|>"]
            assert engine.stats().can_fill_gaps
            before, behind = vocabulary.tokenize("hello "), vocabulary.tokenize("the land")
            by_hand = echo((*gap.begin, *before, gap.suffix, *behind, gap.middle), GREEDY)
            request = replace(echo("hello ", GREEDY), suffix="the land", echo=False)
            filled = await answer(engine, request)
            expected = await answer(engine, replace(by_hand, echo=False))
        assert text(filled) == text(expected)
        assert filled[-1].usage is not None
        assert expected[-1].usage is not None
        assert filled[-1].usage.prompt_tokens == expected[-1].usage.prompt_tokens

    async def test_is_unknown_to_a_model_without_its_tokens(self, model: Model) -> None:
        request = replace(echo("hello", GREEDY), suffix="world", echo=False)
        async with loaded(model) as engine:
            assert not engine.stats().can_fill_gaps
            with pytest.raises(InvalidRequestError, match="fill-in-the-middle") as refused:
                await answer(engine, request)
        assert refused.value.param == "suffix"
