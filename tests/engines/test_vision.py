"""A llama.cpp model that sees: random weights, so mechanics and not meaning."""

from __future__ import annotations

import asyncio
import ctypes
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from io import BytesIO
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Files
from tiny_gguf import CONTEXT_LENGTH, write_tiny_gguf
from tiny_projector import NUM_TOKENS, write_tiny_projector

from jupyter_llm.engines.base import Engine
from jupyter_llm.engines.host.engine import HostedEngine
from jupyter_llm.engines.llama_cpp.bindings import load_mtmd
from jupyter_llm.engines.llama_cpp.engine import LlamaCppEngine
from jupyter_llm.engines.llama_cpp.pictures import MAX_SIDE, picture_of
from jupyter_llm.engines.llama_cpp.sampling import logits_at
from jupyter_llm.errors import (
    ContextLengthError,
    EngineDiedError,
    InvalidRequestError,
    ModelFileError,
)
from jupyter_llm.types import (
    GenerationRequest,
    Image,
    LoadOptions,
    Message,
    Model,
    SamplingParams,
    TokenChunk,
    TokenizeRequest,
    Usage,
)

GREEDY = SamplingParams(temperature=0, max_tokens=12, ignore_eos=True)
KINDS = ("mlp", "gemma3", "qwen2vl_merger")
ids = count()


def seeing_model(folder: Path, kind: str, **more: str) -> Model:
    architecture = "qwen2vl" if kind == "qwen2vl_merger" else "llama"
    path = write_tiny_gguf(
        folder / f"{kind}.gguf", architecture=architecture, quantizes=False, **more
    )
    return Model(
        id="tiny",
        path=str(path),
        format="gguf",
        engine="llama_cpp",
        context_length=CONTEXT_LENGTH,
        modalities=("text", "image"),
        projector_path=str(write_tiny_projector(folder / f"mmproj-{kind}.gguf", kind=kind)),
    )


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Model]:
    folder = tmp_path_factory.mktemp("seeing")
    return {kind: seeing_model(folder, kind) for kind in KINDS}


@pytest.fixture(params=KINDS)
def model(request: pytest.FixtureRequest, models: dict[str, Model]) -> Model:
    return models[request.param]


@asynccontextmanager
async def loaded(
    model: Model, kind: type[Engine] = LlamaCppEngine, **options: Any
) -> AsyncIterator[Engine]:
    engine = kind() if kind is LlamaCppEngine else HostedEngine("llama_cpp")
    await engine.load(model, LoadOptions(num_threads=1, **options), lambda _: None)
    try:
        yield engine
    finally:
        await engine.unload()


def picture(seed: int, size: tuple[int, int] = (40, 30), kind: str = "PNG") -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 255, (size[1], size[0], 3), np.uint8)
    stream = BytesIO()
    Files.fromarray(pixels).save(stream, kind)
    return stream.getvalue()


def look(*images: bytes, text: str = "the thing in", **more: object) -> GenerationRequest:
    message = Message(
        role="user",
        content=text,
        images=tuple(
            Image(
                param=f"messages[0].content[{place}]",
                offset=min(4 * place + 4, len(text)),
                data=data,
            )
            for place, data in enumerate(images)
        ),
    )
    values = {"sampling": GREEDY, **more}
    return GenerationRequest(id=str(next(ids)), model_id="tiny", messages=(message,), **values)


async def answer(engine: Engine, request: GenerationRequest) -> list[TokenChunk]:
    return [chunk async for chunk in engine.generate(request)]


def text(chunks: list[TokenChunk]) -> str:
    return "".join(chunk.text for chunk in chunks)


def assert_same(one: list[TokenChunk], other: list[TokenChunk]) -> None:
    """The same tokens, up to a place where two were as likely but for rounding.

    llama.cpp adds up in the order of cells, so the last bits depend on who else is there.
    """
    pairs = zip(
        (each for chunk in one for each in chunk.logprobs),
        (each for chunk in other for each in chunk.logprobs),
        strict=True,
    )
    for first, second in pairs:
        assert first.chosen.logprob == pytest.approx(second.chosen.logprob, abs=0.05)
        if first.chosen.text_bytes != second.chosen.text_bytes:
            likeliest, next_one = (each.logprob for each in first.top)
            assert likeliest == pytest.approx(next_one, abs=0.05)
            candidates = [{each.text_bytes for each in place.top} for place in (first, second)]
            assert candidates[0] == candidates[1]
            return


def usage(chunks: list[TokenChunk]) -> Usage:
    assert chunks[-1].usage
    return chunks[-1].usage


async def as_mtmd_answers(engine: LlamaCppEngine, request: GenerationRequest) -> list[int]:
    """The tokens that come when mtmd's own helper reads the whole prompt."""
    assert engine._loaded
    runtime = engine._loaded.runtime
    assert runtime.projector
    turn = engine._loaded.prompts.turn(request)
    mtmd, handle = load_mtmd(), runtime.projector._handle
    prompt = turn.prompt
    bitmaps = []
    for word, image in turn.images.items():
        prompt = prompt.replace(word, "<__media__>")
        seen = picture_of(image)
        rgb = ctypes.cast(seen.rgb, ctypes.POINTER(ctypes.c_uint8))
        bitmaps.append(mtmd.mtmd_bitmap_init(seen.width, seen.height, rgb))
    chunks = mtmd.mtmd_input_chunks_init()
    data = prompt.encode()
    given = mtmd.mtmd_input_text(
        text=data, text_len=len(data), add_special=True, parse_special=True
    )
    array = (ctypes.c_void_p * len(bitmaps))(*bitmaps)
    assert mtmd.mtmd_tokenize(handle, chunks, ctypes.byref(given), array, len(bitmaps)) == 0
    behind = ctypes.c_int32(0)
    batch_size = runtime.options.batch_size
    assert (
        mtmd.mtmd_helper_eval_chunks(
            handle, runtime.context, chunks, 0, 0, batch_size, True, ctypes.byref(behind)
        )
        == 0
    )
    drawn = []
    llama, position = runtime.llama, behind.value
    for _ in range(GREEDY.max_tokens or 0):
        logits = logits_at(llama, runtime.context, -1, runtime.vocabulary.num_tokens).copy()
        logits[list(runtime.vocabulary.end_tokens)] = -np.inf
        drawn.append(int(np.argmax(logits)))
        token = (ctypes.c_int32 * 1)(drawn[-1])
        batch = llama.llama_batch_get_one(token, 1)
        batch.pos = (ctypes.c_int32 * 1)(position)
        assert llama.llama_decode(runtime.context, batch) == 0
        position += 1
    return drawn


async def test_the_answer_is_what_mtmds_own_helper_gives(model: Model) -> None:
    request = look(picture(1, (120, 80)), picture(2))
    async with loaded(model) as engine:
        assert isinstance(engine, LlamaCppEngine)
        ours = text(await answer(engine, request))
        async with loaded(model) as other:
            assert isinstance(other, LlamaCppEngine)
            assert other._loaded
            tokens = await as_mtmd_answers(other, request)
            piece = other._loaded.runtime.vocabulary.piece
            theirs = b"".join(map(piece, tokens)).decode(errors="replace")
    assert ours == theirs


async def test_the_answer_changes_with_the_image(model: Model) -> None:
    async with loaded(model) as engine:
        answers = [text(await answer(engine, look(picture(seed)))) for seed in (1, 2, 1)]
        without = text(await answer(engine, look()))
    assert answers[0] == answers[2]
    assert len({*answers, without}) == 3


async def test_alone_or_in_a_batch_the_answer_is_the_same(model: Model) -> None:
    sampling = replace(GREEDY, num_top_logprobs=2)
    requests = [look(picture(seed), text=f"the {seed}", sampling=sampling) for seed in range(6)]
    async with loaded(model) as engine:
        alone = [await answer(engine, request) for request in requests]
    async with loaded(model) as engine:
        talk = GenerationRequest(id="t", model_id="tiny", prompt="the land", sampling=GREEDY)
        together = await asyncio.gather(*(answer(engine, request) for request in [*requests, talk]))
    for one, other in zip(alone, together[:-1], strict=True):
        assert_same(one, other)


async def test_a_prefix_with_an_image_is_not_read_again(model: Model) -> None:
    async with loaded(model) as engine:
        first = await answer(engine, look(picture(1), text="the thing in the land"))
        again = await answer(engine, look(picture(1), text="the thing in the land"))
        longer = await answer(engine, look(picture(1), text="the thing in the world"))
        other = await answer(engine, look(picture(2), text="the thing in the land"))
    async with loaded(model) as engine:
        fresh = await answer(engine, look(picture(1), text="the thing in the world"))
    assert text(again) == text(first)
    assert text(longer) == text(fresh)
    assert usage(again).cached_tokens == usage(first).prompt_tokens - 1
    assert usage(longer).cached_tokens > usage(other).cached_tokens


async def test_only_whole_images_are_shared(model: Model) -> None:
    """The same image once and twice: what looked like a common beginning ends in an image."""
    async with loaded(model) as engine:
        await answer(engine, look(picture(1), text=""))
        twice = look(picture(1), picture(1), text="")
        after = await answer(engine, twice)
    async with loaded(model) as engine:
        fresh = await answer(engine, twice)
    assert text(after) == text(fresh)


@pytest.mark.parametrize("how", ["speculation", "draft_model"])
async def test_guessing_ahead_changes_nothing(model: Model, how: str) -> None:
    options = {how: "prompt_lookup" if how == "speculation" else model.path}
    sampling = replace(GREEDY, max_tokens=40, num_top_logprobs=2)
    again = "the thing the thing the thing the thing"
    shown = look(picture(1), picture(1), text=again, sampling=sampling)
    said = look(text=again, sampling=sampling)
    async with loaded(model) as engine:
        plain = [await answer(engine, request) for request in (shown, said)]
    async with loaded(model, **options) as engine:
        guessed = await asyncio.gather(*(answer(engine, request) for request in (shown, said)))
    for one, other in zip(plain, guessed, strict=True):
        assert_same(one, other)


async def test_a_prompt_may_end_with_an_image(tmp_path: Path) -> None:
    bare = "{{ messages[0].content }}"
    for kind in KINDS:
        model = seeing_model(tmp_path, kind, chat_template=bare)
        async with loaded(model) as engine:
            requests = [look(picture(seed), text="a") for seed in (1, 2, 1, 1)]
            first, other, *again = [await answer(engine, request) for request in requests]
        assert text(first) != text(other)
        for chunks in again:
            assert text(chunks) == text(first)
            if kind == "mlp":  # the others have tokens behind it
                assert usage(chunks).cached_tokens == usage(first).prompt_tokens - NUM_TOKENS[kind]


async def test_an_answer_goes_on_after_its_cells_were_taken(model: Model) -> None:
    sampling = replace(GREEDY, max_tokens=60, num_top_logprobs=2)
    requests = [look(picture(seed), text=f"{seed} the", sampling=sampling) for seed in range(4)]
    async with loaded(model, context_length=128, num_kv_cells=256) as engine:
        alone = [await answer(engine, request) for request in requests]
    async with loaded(model, context_length=128, num_kv_cells=256) as engine:
        for seed in range(4):  # encoded before, they come at the same time
            await answer(engine, look(picture(seed), text=f"so {seed}"))
        together = await asyncio.gather(*(answer(engine, request) for request in requests))
        assert engine.stats().num_preemptions > 0
    for one, other in zip(alone, together, strict=True):
        assert_same(one, other)


async def test_an_image_larger_than_a_step_is_read_in_parts(models: dict[str, Model]) -> None:
    for kind in ("mlp", "qwen2vl_merger"):
        request = look(picture(1, (200, 120)))
        async with loaded(models[kind]) as engine:
            whole = text(await answer(engine, request))
        async with loaded(models[kind], batch_size=5, slots=2) as engine:
            assert text(await answer(engine, request)) == whole


async def test_an_image_that_must_be_read_at_once_has_to_fit_a_step(
    models: dict[str, Model],
) -> None:
    async with loaded(models["gemma3"], batch_size=3, slots=1) as engine:
        with pytest.raises(InvalidRequestError, match="larger batch_size") as caught:
            await answer(engine, look(picture(1)))
    assert caught.value.param == "messages[0].content[0]"


async def test_the_tokens_of_images_count(models: dict[str, Model]) -> None:
    for kind, num_tokens in NUM_TOKENS.items():
        async with loaded(models[kind]) as engine:
            seen = look(picture(1))
            tokens = await engine.tokenize(TokenizeRequest(request=seen))
            chunks = await answer(engine, seen)
        assert usage(chunks).prompt_tokens == len(tokens.ids)
        assert tokens.ids.count(-1) == num_tokens
        assert b"" in tokens.pieces


async def test_images_that_fill_the_context_are_refused(model: Model) -> None:
    async with loaded(model, context_length=64) as engine:
        with pytest.raises(ContextLengthError, match="64 tokens"):
            await answer(engine, look(*(picture(seed, (150, 150)) for seed in range(9))))


async def test_a_model_without_a_projector_does_not_see(models: dict[str, Model]) -> None:
    blind = replace(models["mlp"], projector_path="", modalities=("text",))
    async with loaded(blind) as engine:
        for ask in (answer(engine, look(picture(1))), tokens_of(engine, look(picture(1)))):
            with pytest.raises(InvalidRequestError, match="does not see") as caught:
                await ask
            assert caught.value.param == "messages[0].content[0]"


async def tokens_of(engine: Engine, request: GenerationRequest) -> object:
    return await engine.tokenize(TokenizeRequest(request=request))


async def test_an_engine_in_its_own_process_sees_the_same(models: dict[str, Model]) -> None:
    requests = [look(picture(1)), look(picture(2), picture(1))]
    async with loaded(models["mlp"]) as engine:
        here = [text(await answer(engine, request)) for request in requests]
    async with loaded(models["mlp"], HostedEngine) as engine:
        there = [text(await answer(engine, request)) for request in requests]
        with pytest.raises(InvalidRequestError, match="cannot be decoded"):
            await answer(engine, look(b"\x89PNG"))
    assert here == there


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP"])
async def test_damaged_images_are_refused_and_harm_nobody(
    models: dict[str, Model], kind: str
) -> None:
    whole = picture(1, (64, 64), kind)
    rng = np.random.default_rng(3)
    async with loaded(models["mlp"]) as engine:
        before = text(await answer(engine, look(picture(1))))
        for _ in range(25):
            damaged = bytearray(whole[: rng.integers(1, len(whole))])
            for place in rng.integers(0, len(damaged), 3):
                damaged[place] = rng.integers(0, 256)
            try:
                await answer(engine, look(bytes(damaged)))
            except InvalidRequestError as error:
                assert error.param == "messages[0].content[0]"  # noqa: PT017 - some may be whole
        assert text(await answer(engine, look(picture(1)))) == before


@pytest.mark.parametrize("size", [(1, 1), (1, 100), (100, 1), (7000, 70), (3, 2)])
async def test_sizes_at_the_edge_are_seen(model: Model, size: tuple[int, int]) -> None:
    async with loaded(model) as engine:
        try:
            assert text(await answer(engine, look(picture(1, size))))
        except ContextLengthError:
            assert max(size) > CONTEXT_LENGTH


async def test_a_strip_is_refused(models: dict[str, Model]) -> None:
    async with loaded(models["mlp"]) as engine:
        with pytest.raises(InvalidRequestError, match="factor of 100"):
            await answer(engine, look(picture(1, (1, 101))))


async def test_who_leaves_while_an_image_is_looked_at_harms_nobody(model: Model) -> None:
    async with loaded(model) as engine:
        waiting = [
            asyncio.ensure_future(answer(engine, look(picture(seed, (180, 180)))))
            for seed in range(10, 16)
        ]
        await asyncio.sleep(0.005)
        for task in waiting[1:]:
            task.cancel()
        await asyncio.wait(waiting)
        assert text(await answer(engine, look(picture(1))))
        while engine.stats().num_running:  # the snapshot of the step that is just over
            await asyncio.sleep(0.01)


async def test_unloading_ends_who_still_looks(model: Model) -> None:
    async with loaded(model) as engine:
        asked = [
            asyncio.ensure_future(answer(engine, look(picture(seed, (180, 180)))))
            for seed in range(6)
        ]
        await asyncio.sleep(0.01)
        await engine.unload()
        done, pending = await asyncio.wait(asked, timeout=20)
    assert not pending
    errors = [task.exception() for task in done]
    assert all(error is None or isinstance(error, EngineDiedError) for error in errors)


async def test_another_models_projector_is_refused(
    models: dict[str, Model], tmp_path: Path
) -> None:
    foreign = write_tiny_projector(tmp_path / "mmproj.gguf", width=32)
    engine = LlamaCppEngine()
    wrong = replace(models["mlp"], projector_path=str(foreign))
    with pytest.raises(ModelFileError, match=r"cannot see with .*mmproj\.gguf"):
        await engine.load(wrong, LoadOptions(), lambda _: None)
    with pytest.raises(ModelFileError, match="mmproj"):
        await engine.probe(wrong, LoadOptions())


async def test_the_probe_counts_the_projector(models: dict[str, Model]) -> None:
    model = models["mlp"]
    blind = replace(model, projector_path="", modalities=("text",))
    engine = LlamaCppEngine()
    size = len(await asyncio.to_thread(Path(model.projector_path).read_bytes))
    with_it = await engine.probe(model, LoadOptions())
    without = await engine.probe(blind, LoadOptions())
    assert with_it.weights_bytes - without.weights_bytes == size
    assert with_it.compute_bytes > without.compute_bytes
    async with loaded(model):
        pass


def test_a_large_image_is_made_smaller_and_a_transparent_one_gets_a_ground() -> None:
    stream = BytesIO()
    Files.new("RGBA", (2 * MAX_SIDE, 100), (255, 0, 0, 0)).save(stream, "PNG")
    seen = picture_of(Image(param="x", data=stream.getvalue()))
    assert (seen.width, seen.height) == (MAX_SIDE, 50)
    assert set(seen.rgb) == {255}


def test_a_turned_photo_is_seen_upright() -> None:
    stream = BytesIO()
    exif = Files.Exif()
    exif[0x0112] = 6
    Files.new("RGB", (40, 20)).save(stream, "JPEG", exif=exif)
    seen = picture_of(Image(param="x", data=stream.getvalue()))
    assert (seen.width, seen.height) == (20, 40)
