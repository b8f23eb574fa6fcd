"""Vectors of texts from llama.cpp, on tiny models with random weights: mechanics, not meaning."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path

import gguf
import numpy as np
import pytest
import tiny_bert
import tiny_gguf
from gguf_draft import UINT32, Entry, read_draft
from host_helpers import collect, eventually
from llama_helpers import continue_text, gguf_model

from jupyter_llm.engines.base import Engine
from jupyter_llm.engines.host.engine import HostedEngine
from jupyter_llm.engines.llama_cpp.embedding_context import with_bounded_outputs
from jupyter_llm.engines.llama_cpp.engine import LlamaCppEngine
from jupyter_llm.engines.llama_cpp.params import resolve_options
from jupyter_llm.errors import ContextLengthError, EngineDiedError, InvalidRequestError
from jupyter_llm.types import (
    DetokenizeRequest,
    EmbeddingRequest,
    Embeddings,
    GenerationRequest,
    LoadOptions,
    Message,
    Model,
    RerankRequest,
    SamplingParams,
    TokenizeRequest,
)

UNEQUAL = ("a", "the land and the sea", "hello world", "hello " * 60, "model query answer " * 9)
POOLINGS = [gguf.PoolingType.MEAN, gguf.PoolingType.CLS, None]
NUM_ALIKE = 0.9999
ids = count()

Write = Callable[..., Model]


@pytest.fixture(scope="session")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Write:
    folder = tmp_path_factory.mktemp("bert")

    def write(pooling: gguf.PoolingType | None = gguf.PoolingType.MEAN) -> Model:
        path = tiny_bert.write_tiny_bert(folder / f"bert-{pooling}.gguf", pooling=pooling)
        return replace(gguf_model(path), context_length=tiny_bert.CONTEXT_LENGTH)

    return write


@pytest.fixture(scope="session")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return gguf_model(tiny_gguf.write_tiny_gguf(tmp_path_factory.mktemp("llama") / "tiny.gguf"))


@asynccontextmanager
async def loaded(
    model: Model, make: Callable[[], Engine] = LlamaCppEngine, **options: int
) -> AsyncIterator[Engine]:
    engine = make()
    await engine.load(model, LoadOptions(num_threads=1, **options), lambda _: None)
    try:
        yield engine
    finally:
        await engine.unload()


def wanted(*inputs: str | tuple[int, ...], dimensions: int | None = None) -> EmbeddingRequest:
    return EmbeddingRequest(
        id=str(next(ids)), model_id="tiny", inputs=inputs, dimensions=dimensions
    )


def ranked(query: str, *documents: str) -> RerankRequest:
    return RerankRequest(id=str(next(ids)), model_id="tiny", query=query, documents=documents)


def arrays(answer: Embeddings) -> list[np.ndarray]:
    return [np.frombuffer(vector, "<f4") for vector in answer.vectors]


def native(model: Model, text: str, pooling: gguf.PoolingType) -> np.ndarray:
    """What llama.cpp's own pooling makes of one text."""
    from llama_cpp import Llama

    reference = Llama(
        model.path, embedding=True, pooling_type=pooling.value, verbose=False, n_threads=1
    )
    return np.array(reference.embed(text, normalize=True), np.float32)


@pytest.mark.parametrize("pooling", POOLINGS)
async def test_a_text_has_the_same_vector_alone_and_among_others(
    bert: Write, pooling: gguf.PoolingType | None
) -> None:
    async with loaded(bert(pooling)) as engine:
        together = arrays(await engine.embed(wanted(*UNEQUAL)))
        alone = [arrays(await engine.embed(wanted(text)))[0] for text in UNEQUAL]

    for one, other in zip(together, alone, strict=True):
        assert one @ other > NUM_ALIKE
        assert np.linalg.norm(one) == pytest.approx(1.0, abs=1e-5)
    assert together[0] @ together[3] < 0.9


@pytest.mark.parametrize("pooling", [gguf.PoolingType.MEAN, gguf.PoolingType.CLS])
async def test_vectors_are_those_of_llama_cpps_own_pooling(
    bert: Write, pooling: gguf.PoolingType
) -> None:
    model = bert(pooling)
    async with loaded(model) as engine:
        for text in UNEQUAL:
            [vector] = arrays(await engine.embed(wanted(text)))
            assert vector @ native(model, text, pooling) > NUM_ALIKE


async def test_a_model_that_writes_gives_the_mean_of_its_last_states(llama: Model) -> None:
    text = "the thing in the land " * 8
    async with loaded(llama) as engine:
        [vector] = arrays(await engine.embed(wanted(text)))

    assert vector @ native(llama, text, gguf.PoolingType.MEAN) > NUM_ALIKE


async def test_a_model_that_reads_forwards_is_read_in_pieces(llama: Model, tmp_path: Path) -> None:
    draft = read_draft(Path(llama.path))
    pooled = Entry(b"llama.pooling_type", UINT32, struct.pack("<I", gguf.PoolingType.LAST))
    path = tmp_path / "last.gguf"
    path.write_bytes(replace(draft, entries=(*draft.entries, pooled)).encode())
    texts = ("z" * 256, "hello world", "q" * 200, *(f"{letter} the" * 9 for letter in "abcdefgh"))
    async with loaded(gguf_model(path)) as engine:
        together = arrays(await engine.embed(wanted(*texts)))
        with pytest.raises(InvalidRequestError, match="writes no text"):
            await collect(engine, continue_text("hello"))

    for text, vector in zip(texts, together, strict=True):
        # the quantized weights of a random model make much of the last bits of a number
        assert vector @ native(gguf_model(path), text, gguf.PoolingType.LAST) > 0.999


async def test_vectors_and_answers_do_not_disturb_each_other(llama: Model) -> None:
    request = GenerationRequest(
        id="1",
        model_id="tiny",
        prompt="the thing and the thing in the land " * 3,
        sampling=SamplingParams(temperature=0, max_tokens=64, ignore_eos=True),
    )
    texts = wanted(*(f"hello {number} and the world" for number in range(64)))
    async with loaded(llama) as engine:
        expected, vectors = await collect(engine, request), await engine.embed(texts)
        answer, beside = await asyncio.gather(collect(engine, request), engine.embed(texts))

    assert [chunk.text for chunk in answer] == [chunk.text for chunk in expected]
    assert answer[-1].usage is not None
    assert answer[-1].usage.cached_tokens == answer[-1].usage.prompt_tokens - 1
    for one, other in zip(arrays(vectors), arrays(beside), strict=True):
        assert one @ other > NUM_ALIKE


async def test_fewer_dimensions_are_the_first_ones_made_a_unit_again(bert: Write) -> None:
    async with loaded(bert()) as engine:
        [whole] = arrays(await engine.embed(wanted("hello world")))
        [short] = arrays(await engine.embed(wanted("hello world", dimensions=16)))
        with pytest.raises(InvalidRequestError, match=r"65.*have 64") as raised:
            await engine.embed(wanted("hello", dimensions=65))

    assert short.shape == (16,)
    assert short == pytest.approx(whole[:16] / np.linalg.norm(whole[:16]), abs=1e-5)
    assert raised.value.param == "dimensions"


async def test_token_ids_stand_for_themselves_and_are_counted(bert: Write) -> None:
    async with loaded(bert()) as engine:
        tokens = await engine.tokenize(TokenizeRequest(request=continue_text("hello world")))
        by_text = await engine.embed(wanted("hello world"))
        by_ids = await engine.embed(wanted(tokens.ids))
        with pytest.raises(InvalidRequestError, match="run from 0") as raised:
            await engine.embed(wanted("hello", (5, 10_000)))

    assert tokens.pieces[0] == b"[CLS]"
    assert by_text == by_ids
    assert by_text.usage.prompt_tokens == len(tokens.ids) == 4
    assert raised.value.param == "input[1]"


@pytest.mark.parametrize("over", [1, 5000])
async def test_a_text_too_long_is_refused_with_both_numbers(bert: Write, over: int) -> None:
    length = tiny_bert.CONTEXT_LENGTH
    fits, too_long = ("hello " * (length - 2), "hello " * (length - 2 + over))
    async with loaded(bert()) as engine:
        with pytest.raises(
            ContextLengthError, match=rf"{length + over} tokens.*{length} "
        ) as error:
            await engine.embed(wanted("a", too_long))
        answer = await engine.embed(wanted(fits))

    assert error.value.param == "input[1]"
    assert answer.usage.prompt_tokens == length


async def test_a_text_too_long_for_a_model_that_writes_is_refused(llama: Model) -> None:
    async with loaded(llama, context_length=64) as engine:
        with pytest.raises(ContextLengthError, match="reads 64 at once"):
            await engine.embed(wanted("z" * 65))
        assert (await engine.embed(wanted("z" * 64))).usage.prompt_tokens == 64


async def test_a_request_of_many_texts_does_not_hold_up_one_of_few(bert: Write) -> None:
    async with loaded(bert()) as engine:
        many = asyncio.create_task(engine.embed(wanted(*["hello " * 100] * 2000)))
        await eventually(lambda: engine.stats().num_prompt_tokens > 0)
        few = await engine.embed(wanted("hello"))
        assert len(few.vectors) == 1
        assert not many.done()
        many.cancel()
        with pytest.raises(asyncio.CancelledError):
            await many
        num_read = engine.stats().num_prompt_tokens
        assert len((await engine.embed(wanted("a", "hello"))).vectors) == 2
        assert engine.stats().num_prompt_tokens < num_read + 1000  # of 204,000


async def test_a_reader_writes_no_text(bert: Write) -> None:
    async with loaded(bert()) as engine:
        with pytest.raises(InvalidRequestError, match=r"writes no text.*/v1/embeddings"):
            await collect(engine, continue_text("hello"))
        with pytest.raises(InvalidRequestError, match="no reranker"):
            await engine.rerank(ranked("hello", "world"))


async def test_documents_are_ranked_each_on_its_own(bert: Write) -> None:
    documents = ("world", "the land and the sea", "answer " * 40)
    async with loaded(bert(gguf.PoolingType.RANK)) as engine:
        together = await engine.rerank(ranked("hello", *documents))
        alone = [(await engine.rerank(ranked("hello", each))).scores[0] for each in documents]
        other = await engine.rerank(ranked("sea", *documents))
        with pytest.raises(InvalidRequestError, match="/v1/rerank"):
            await engine.embed(wanted("hello"))
        with pytest.raises(ContextLengthError, match=r"documents.1. has") as error:
            await engine.rerank(ranked("hello", "world", "sea " * 200))

    assert together.scores == pytest.approx(alone, abs=1e-4)
    assert all(0 < score < 1 for score in together.scores)
    assert len(set(together.scores)) == 3
    assert other.scores != pytest.approx(together.scores, abs=1e-3)
    assert error.value.param == "documents[1]"
    # [CLS] query [SEP] document [SEP], a word each
    assert together.usage.prompt_tokens == 3 * 4 + 1 + 5 + 40


async def test_tokens_are_what_generate_reads(llama: Model) -> None:
    chat = replace(
        continue_text(""), prompt=None, messages=(Message(role="user", content="hello"),)
    )
    async with loaded(llama) as engine:
        tokens = await engine.tokenize(TokenizeRequest(request=chat))
        [*_, last] = await collect(engine, replace(chat, sampling=SamplingParams(max_tokens=1)))
        text = await engine.detokenize(DetokenizeRequest(model_id="tiny", tokens=tokens.ids))
        with pytest.raises(InvalidRequestError, match="tokens has token 9999"):
            await engine.detokenize(DetokenizeRequest(model_id="tiny", tokens=(1, 9999)))

    assert last.usage is not None
    assert len(tokens.ids) == last.usage.prompt_tokens
    assert text == "<|im_start|>user\nhello<|im_end|>\n<|im_start|>assistant\n"
    assert b"".join(tokens.pieces).decode() == text
    assert tokens.context_length == tiny_gguf.CONTEXT_LENGTH


async def test_special_tokens_are_left_out_where_nobody_wants_them(bert: Write) -> None:
    async with loaded(bert()) as engine:
        plain = await engine.tokenize(
            TokenizeRequest(request=continue_text("hello"), adds_special=False)
        )
        nothing = await engine.tokenize(
            TokenizeRequest(request=continue_text(""), adds_special=False)
        )

    assert len(plain.ids) == 1
    assert nothing.ids == ()


async def test_a_process_of_its_own_gives_the_same(bert: Write, tmp_path: Path) -> None:
    model, reranker = bert(), bert(gguf.PoolingType.RANK)
    tokens = TokenizeRequest(request=continue_text("hello"))
    async with loaded(model) as plain, loaded(model, lambda: HostedEngine("llama_cpp")) as hosted:
        assert await hosted.embed(wanted(*UNEQUAL)) == await plain.embed(wanted(*UNEQUAL))
        assert await hosted.tokenize(tokens) == await plain.tokenize(tokens)
        ids = DetokenizeRequest(model_id="tiny", tokens=(5, 6))
        assert await hosted.detokenize(ids) == await plain.detokenize(ids) == " hello world"
        with pytest.raises(ContextLengthError, match="reads 128 at once"):
            await hosted.embed(wanted("hello " * 200))
    async with loaded(reranker, lambda: HostedEngine("llama_cpp")) as hosted:
        assert len((await hosted.rerank(ranked("hello", "a", "b"))).scores) == 2


async def test_who_waits_for_vectors_is_told_of_the_end_of_the_process(bert: Write) -> None:
    async with loaded(bert(), lambda: HostedEngine("llama_cpp")) as hosted:
        waiting = asyncio.create_task(hosted.embed(wanted(*["hello " * 100] * 2000)))
        await asyncio.sleep(0.3)
        assert not waiting.done()
        await hosted.unload()
        with pytest.raises(EngineDiedError):
            await waiting


async def test_who_leaves_a_process_takes_the_rest_back(bert: Write) -> None:
    async with loaded(bert(), lambda: HostedEngine("llama_cpp")) as hosted:
        waiting = asyncio.create_task(hosted.embed(wanted(*["hello " * 100] * 2000)))
        await asyncio.sleep(0.3)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        async with asyncio.timeout(2):
            await hosted.embed(wanted("hello"))
        await asyncio.sleep(0.5)
        num_read = hosted.stats().num_prompt_tokens
        await asyncio.sleep(0.5)
        assert hosted.stats().num_prompt_tokens == num_read


async def test_the_probe_foresees_what_a_reader_takes(bert: Write) -> None:
    model, engine = bert(), LlamaCppEngine()
    probed = await engine.probe(model, LoadOptions())
    memory = await engine.load(model, LoadOptions(), lambda _: None)
    await engine.unload()

    assert replace(probed, overhead_bytes=0) == memory
    assert memory.compute_bytes > tiny_bert.CONTEXT_LENGTH * 4 * 67  # a row of logits for each


def test_a_large_vocabulary_bounds_the_length_unless_one_is_asked_for() -> None:
    for asked, length in ((LoadOptions(), 1073), (LoadOptions(context_length=8192), 8192)):
        options = resolve_options(asked, 8192, 1)
        assert with_bounded_outputs(options, asked, 250_000).context_length == length
