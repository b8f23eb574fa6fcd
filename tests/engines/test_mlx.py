"""What the contract does not ask of MLX: its samplers, caches, sizes, and what it refuses."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from contract import GUIDE
from guide_float32 import write_folder
from mlx_stage import FOLDER, answer, ask, changed, loaded, model_in, need_mlx, on_from, text_of

from jupyter_llm.chat.grammar.form import Form
from jupyter_llm.engines.common.file_vocabulary import FileVocabulary
from jupyter_llm.engines.common.folder import read_folder
from jupyter_llm.engines.llama_cpp.runtime import Runtime as LlamaRuntime
from jupyter_llm.engines.mlx.engine import MlxEngine
from jupyter_llm.errors import InvalidRequestError, ModelFileError
from jupyter_llm.types import (
    Constraint,
    ConstraintKind,
    FinishReason,
    LoadOptions,
    TokenChunk,
    TokenizeRequest,
    TokenLogprob,
)

NUM_SPECIAL = 7
QUESTION = "How do I load a model?"
TEXTS = ("How do I load a model?", "<|im_start|>user\nhi<|im_end|>\n", "é ü 🐘 <tool_call>", "")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    need_mlx()
    return write_folder(tmp_path_factory.mktemp("guide") / "guide")


def with_engine(scene: Callable[..., Awaitable[None]]) -> Callable[[Path], Awaitable[None]]:
    """Run a test with an engine that has loaded the guide."""

    async def test(folder: Path) -> None:
        async with loaded(folder, slots=4) as engine:
            await scene(engine, folder)

    test.__name__ = scene.__name__
    return test


def test_its_vocabulary_is_that_of_llama_cpp(folder: Path) -> None:
    runtime = LlamaRuntime(GUIDE, LoadOptions(num_kv_cells=256), lambda _: True)
    try:
        theirs, ours = runtime.vocabulary, FileVocabulary(read_folder(folder), 0)
        assert ours.num_tokens == theirs.num_tokens
        assert (ours.adds_bos, ours.eos_text) == (theirs.adds_bos, theirs.eos_text)
        assert ours.end_tokens == theirs.end_tokens
        for token in range(ours.num_tokens):
            assert ours.name(token) == theirs.name(token)
            # tokenizer.json calls the tokens of tools special, as the GGUF file does not
            assert ours.piece(token) in {theirs.piece(token), b""}
            assert ours.piece(token) or token < NUM_SPECIAL
        for text in TEXTS:
            assert ours.tokenize(text) == theirs.tokenize(text)
            plain = text.replace("<tool_call>", "")
            assert ours.tokenize(plain, parses_special=False) == theirs.tokenize(
                plain, parses_special=False
            )
        for name in ("<|im_end|>", "<tool_call>", "the", "<think>"):
            assert ours.control_token(name) == theirs.control_token(name)
    finally:
        runtime.free()


@with_engine
async def test_greedy_answers_are_those_recorded_for_every_engine(
    engine: MlxEngine, folder: Path
) -> None:
    recorded = json.loads((FOLDER / "greedy.json").read_text())[:6]
    for entry in recorded:
        asked = replace(
            ask("", max_tokens=120), messages=None, prompt_tokens=tuple(entry["prompt_tokens"])
        )
        assert await text_of(engine, asked) == entry["answer"]


@with_engine
async def test_log_probabilities_are_the_models_own_whatever_changes_the_choice(
    engine: MlxEngine, folder: Path
) -> None:
    sampling = {"logit_bias": ((300, 5.0),), "repeat_penalty": 1.3, "temperature": 1.5, "seed": 3}
    found = logprobs(await answer(engine, ask(QUESTION, num_top_logprobs=2, **sampling)))
    tokens = await engine.tokenize(TokenizeRequest(request=ask(QUESTION)))
    names = {FileVocabulary(read_folder(folder), 0).name(t): t for t in range(2048)}
    answered = [names[one.chosen.text_bytes] for one in found]
    logits = await asyncio.to_thread(reference, folder, [*tokens.ids, *answered])
    start = len(tokens.ids) - 1
    for place, (one, token) in enumerate(zip(found, answered, strict=True), start):
        row = logits[place].astype(np.float64)
        own = row - np.log(np.exp(row - row.max()).sum()) - row.max()
        assert one.chosen.logprob == pytest.approx(own[token], abs=1e-4)
        assert one.top[0].logprob == pytest.approx(own.max(), abs=1e-4)


def reference(folder: Path, tokens: list[int]) -> np.ndarray:
    """The logits of all places at once."""
    import mlx.core as mx
    from mlx_lm.utils import load_model

    net, _ = load_model(folder)
    return np.array(net(mx.array([tokens]))[0])


def logprobs(chunks: list[TokenChunk]) -> list[TokenLogprob]:
    return [one for chunk in chunks for one in chunk.logprobs]


@with_engine
async def test_an_echoed_prompt_has_its_log_probabilities(engine: MlxEngine, folder: Path) -> None:
    prompt = "How do I load a model? " * 12
    asked = replace(on_from(prompt, num_top_logprobs=0, max_tokens=3), echo=True)
    chunks = await answer(engine, asked)
    found = logprobs(chunks)
    assert "".join(chunk.text for chunk in chunks).startswith(prompt)
    tokens = list((await engine.tokenize(TokenizeRequest(request=asked))).ids)
    assert len(found) == len(tokens) + 3
    assert found[0].chosen.logprob is None
    logits = await asyncio.to_thread(reference, folder, tokens)
    for place in range(1, len(tokens)):
        row = logits[place - 1].astype(np.float64)
        own = row[tokens[place]] - math.log(np.exp(row - row.max()).sum()) - row.max()
        assert found[place].chosen.logprob == pytest.approx(own, abs=1e-4)
    plain = await answer(engine, on_from(prompt, max_tokens=3))
    assert "".join(chunk.text for chunk in chunks)[len(prompt) :] == "".join(
        chunk.text for chunk in plain
    )


@with_engine
async def test_a_prompt_alone_gives_no_token(engine: MlxEngine, folder: Path) -> None:
    (last,) = await answer(engine, ask(QUESTION, max_tokens=0))
    assert (last.text, last.finish_reason) == ("", FinishReason.LENGTH)
    assert last.usage is not None
    assert last.usage.completion_tokens == 0


@with_engine
async def test_a_prompt_seen_before_is_not_computed_again(engine: MlxEngine, folder: Path) -> None:
    asked = ask(QUESTION * 8)
    first, second = [(await answer(engine, asked)) for _ in range(2)]
    assert [c.text for c in first] == [c.text for c in second]
    usage = second[-1].usage
    assert usage is not None
    # the logits of the last token are wanted once more
    assert usage.cached_tokens == usage.prompt_tokens - 1
    assert engine.stats().num_cached_tokens == usage.cached_tokens
    longer = (await answer(engine, ask(QUESTION * 8 + " And how do I unload it?")))[-1].usage
    assert longer is not None
    assert usage.prompt_tokens - 10 < longer.cached_tokens < longer.prompt_tokens


@with_engine
async def test_a_seed_gives_the_same_alone_and_among_others(
    engine: MlxEngine, folder: Path
) -> None:
    wild = {"temperature": 1.6, "top_k": 40, "top_p": 0.95, "min_p": 0.01, "ignore_eos": True}
    requests = [ask(QUESTION, seed=seed, **wild) for seed in range(4)]
    alone = [await text_of(engine, request) for request in requests]
    together = await asyncio.gather(*(text_of(engine, request) for request in requests))
    assert together == alone
    assert len(set(alone)) == len(alone)
    assert await text_of(engine, ask(QUESTION)) == await text_of(
        engine, ask(QUESTION, temperature=2.0, top_k=1)
    )


async def test_a_sequence_that_gives_way_goes_on_where_it_was(folder: Path) -> None:
    wild = {"temperature": 1.2, "ignore_eos": True, "max_tokens": 100, "frequency_penalty": 0.4}
    requests = [ask(f"{n}: {QUESTION}", seed=n, **wild) for n in range(4)]
    async with loaded(folder, slots=4) as roomy:
        alone = [await text_of(roomy, request) for request in requests]
    async with loaded(folder, slots=4, context_length=256, num_kv_cells=256) as narrow:
        together = await asyncio.gather(*(text_of(narrow, request) for request in requests))
        assert narrow.stats().num_preemptions > 0
        assert narrow.stats().num_kv_cells_used <= 256
    assert together == alone


@with_engine
async def test_penalties_and_biases_do_what_they_do_in_llama_cpp(
    engine: MlxEngine, folder: Path
) -> None:
    from jupyter_llm.engines.llama_cpp.engine import LlamaCppEngine

    theirs = LlamaCppEngine()
    await theirs.load(GUIDE, LoadOptions(num_threads=1, kv_type="f32"), lambda _: None)
    try:
        for sampling in (
            {"repeat_penalty": 1.4},
            {"frequency_penalty": 1.5, "presence_penalty": 0.7},
            {"logit_bias": ((500, 4.0), (40, -100.0)), "ignore_eos": True},
        ):
            asked = ask(QUESTION, **sampling)
            text = "".join([chunk.text async for chunk in theirs.generate(asked)])
            assert await text_of(engine, asked) == text
            assert text
    finally:
        await theirs.unload()


async def test_a_budget_ends_the_reasoning(folder: Path, tmp_path: Path) -> None:
    template = (
        "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
        "<|im_start|>assistant\n<think>\n{# </think> #}"
    )
    thinking = changed(folder, tmp_path / "t", "tokenizer_config.json", chat_template=template)
    async with loaded(thinking) as engine:
        asked = replace(ask(QUESTION, ignore_eos=True, seed=1, temperature=1.0), reasoning_budget=8)
        choice = Constraint(kind=ConstraintKind.REGEX, text="(cat|dog) [0-9]{3}", param="regex")
        for request in (asked, replace(asked, constraint=choice)):
            chunks = await answer(engine, request)
            usage = chunks[-1].usage
            assert usage is not None
            # what closes it counts, too
            assert 8 <= usage.reasoning_tokens < 16
            assert "".join(chunk.reasoning for chunk in chunks)
            assert "think" not in "".join(chunk.text for chunk in chunks)
        text = "".join(chunk.text for chunk in chunks)
        assert text[:4] in {"cat ", "dog "}
        assert text[4:].isdecimal()


async def test_a_form_without_a_way_on_ends_its_own_answer_alone(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_self: Form, _token: int) -> bool:
        raise InvalidRequestError("nothing may follow", param="regex")

    monkeypatch.setattr(Form, "take", fail)
    form = Constraint(kind=ConstraintKind.REGEX, text="[a-z ]{30}", param="regex")
    async with loaded(folder) as engine:
        other = asyncio.create_task(text_of(engine, ask(QUESTION)))
        with pytest.raises(InvalidRequestError, match="nothing may follow"):
            await answer(engine, replace(ask(QUESTION), constraint=form))
        assert await other


@pytest.mark.parametrize(
    ("param", "value"),
    [("kv_type", "q8_0"), ("speculation", "prompt_lookup"), ("draft_model", "/somewhere"),
     ("context_length", 4096), ("slots", 0)],
)  # fmt: skip
async def test_an_option_that_it_does_not_have_is_refused(
    folder: Path, param: str, value: object
) -> None:
    options = LoadOptions(**{param: value})
    for act in (MlxEngine().probe, load):
        with pytest.raises(InvalidRequestError) as refused:
            await act(model_in(folder), options)
        assert refused.value.param == param


async def load(model: object, options: LoadOptions) -> None:
    await MlxEngine().load(model, options, lambda _: None)  # type: ignore[arg-type] # a Model


@pytest.mark.parametrize(
    ("name", "values", "words"),
    [
        ("config.json", {"model_type": "newest"}, "MLX does not know models of the kind 'newest'"),
        ("config.json", {"model_type": "../llama"}, "MLX does not know models of the kind"),
        ("config.json", {"model_file": "evil.py"}, "brings code of its own"),
        ("config.json", {"hidden_size": 512}, "MLX cannot load"),
        ("config.json", {"hidden_size": None}, "MLX cannot load"),
        ("tokenizer_config.json", {"chat_template": "{% if %}"}, "chat template does not compile"),
        ("tokenizer.json", {"model": 3}, r"tokenizer.json is damaged"),
    ],
)
async def test_a_folder_that_it_cannot_use_is_refused_in_words(
    folder: Path, tmp_path: Path, name: str, values: dict[str, object], words: str
) -> None:
    model = model_in(changed(folder, tmp_path / "bad", name, **values))
    with pytest.raises(ModelFileError, match=words):
        await load(model, LoadOptions())


async def test_a_folder_without_its_tokenizer_says_what_is_missing(
    folder: Path, tmp_path: Path
) -> None:
    bare = changed(folder, tmp_path / "bare", "config.json")
    (bare / "tokenizer.json").unlink()
    with pytest.raises(ModelFileError, match=r"no tokenizer\.json"):
        await load(model_in(bare), LoadOptions())


async def test_what_is_reckoned_before_a_load_is_what_the_load_says(folder: Path) -> None:
    engine, options = MlxEngine(), LoadOptions(slots=2)
    planned = await engine.probe(model_in(folder), options)
    memory = await engine.load(model_in(folder), options, lambda _: None)
    await engine.unload()
    assert memory.kv_cache_bytes == planned.kv_cache_bytes == 2 * 2048 * 1024 * 4
    assert memory.weights_bytes == pytest.approx(planned.weights_bytes, rel=0.01)
    assert planned.compute_bytes == memory.compute_bytes > 0
