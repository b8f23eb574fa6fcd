"""MLX with changed weights: quantized, adapted by LoRA; and the vectors of texts."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import numpy as np
import pytest
from guide_float32 import write_folder
from mlx_stage import answer, ask, changed, loaded, model_in, need_mlx, text_of, write_peft
from safetensors.numpy import load_file, save_file

from jupyter_llm.engines.mlx.engine import MlxEngine
from jupyter_llm.errors import ContextLengthError, InvalidRequestError, ModelFileError
from jupyter_llm.types import EmbeddingRequest, Embeddings, LoadOptions

QUESTION = "How do I load a model?"
LAYERS = [f"model.layers.{n}.self_attn.q_proj" for n in range(4)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    need_mlx()
    return write_folder(tmp_path_factory.mktemp("guide") / "guide")


async def test_weights_of_four_bits_answer_and_take_less(folder: Path, tmp_path: Path) -> None:
    small = await asyncio.to_thread(quantized, folder, tmp_path / "guide-4bit")
    engine = MlxEngine()
    memory = await engine.load(model_in(small), LoadOptions(), lambda _: None)
    try:
        assert memory.weights_bytes < 3_000_000
        assert len(await text_of(engine, ask(QUESTION))) > 20
    finally:
        await engine.unload()


def quantized(source: Path, target: Path) -> Path:
    from mlx_lm.utils import load_model, quantize_model, save_config, save_model

    net, config = load_model(source)
    net, config = quantize_model(net, config, group_size=64, bits=4)
    for file in source.iterdir():
        if file.suffix == ".json" and file.name != "config.json":
            target.mkdir(exist_ok=True)
            (target / file.name).symlink_to(file)
    save_model(target, net, donate_model=True)
    save_config(config, target / "config.json")
    return target


async def test_an_adapter_changes_the_answer_as_its_merged_weights_do(
    folder: Path, tmp_path: Path
) -> None:
    adapter = write_peft(tmp_path / "lora", LAYERS, strength=0.3)
    merged = merge(folder, adapter, tmp_path / "merged")
    async with loaded(folder) as engine:
        plain = await answer(engine, ask(QUESTION, num_top_logprobs=0))
    async with loaded(folder, adapters=(str(adapter),)) as engine:
        adapted = await answer(engine, ask(QUESTION, num_top_logprobs=0))
    async with loaded(merged) as engine:
        expected = await answer(engine, ask(QUESTION, num_top_logprobs=0))
    ours, theirs, others = (
        [one.chosen.logprob for chunk in chunks for one in chunk.logprobs]
        for chunks in (adapted, expected, plain)
    )
    assert ours == pytest.approx(theirs, abs=1e-3)
    assert ours[0] != pytest.approx(others[0], abs=1e-3)


def merge(folder: Path, adapter: Path, target: Path) -> Path:
    """The model with the adapter's change in its own weights."""
    changed(folder, target, "config.json")
    weights = load_file(folder / "model.safetensors")
    halves = load_file(adapter / "adapter_model.safetensors")
    for name, up in halves.items():
        if name.endswith("lora_B.weight"):
            layer = name.removeprefix("base_model.model.").removesuffix(".lora_B.weight")
            down = halves[name.replace("lora_B", "lora_A")]
            weights[f"{layer}.weight"] = weights[f"{layer}.weight"] + 2.0 * (up @ down)
    (target / "model.safetensors").unlink()
    save_file(weights, target / "model.safetensors", metadata={"format": "pt"})
    return target


async def test_adapters_of_mlx_lm_work_too_and_add_up(folder: Path, tmp_path: Path) -> None:
    peft = write_peft(tmp_path / "peft", LAYERS[:1], strength=0.02)
    own = tmp_path / "own"
    own.mkdir()
    halves = load_file(peft / "adapter_model.safetensors")
    renamed = {
        name.removeprefix("base_model.model.")
        .replace("lora_A.weight", "lora_a")
        .replace("lora_B.weight", "lora_b"): np.ascontiguousarray(value.T)
        for name, value in halves.items()
    }
    save_file(renamed, own / "adapters.safetensors")
    config = {"fine_tune_type": "lora", "num_layers": 4, "lora_parameters": {"scale": -2.0}}
    (own / "adapter_config.json").write_text(json.dumps(config))
    async with loaded(folder) as engine:
        plain = await answer(engine, ask(QUESTION, num_top_logprobs=0))
    # the second takes away what the first one adds
    async with loaded(folder, adapters=(str(peft), str(own))) as engine:
        both = await answer(engine, ask(QUESTION, num_top_logprobs=0))
    ours, theirs = (
        [one.chosen.logprob for chunk in chunks for one in chunk.logprobs]
        for chunks in (both, plain)
    )
    assert ours == pytest.approx(theirs, abs=1e-3)


@pytest.mark.parametrize(
    ("layer", "width", "words"),
    [
        ("model.layers.9.self_attn.q_proj", 256, "no layer model.layers.9"),
        ("model.layers.0.self_attn.q_proj", 64, "other sizes"),
    ],
)
async def test_an_adapter_of_another_model_is_refused(
    folder: Path, tmp_path: Path, layer: str, width: int, words: str
) -> None:
    adapter = write_peft(tmp_path / "lora", [layer], strength=0.1, width=width)
    with pytest.raises(ModelFileError, match=words) as refused:
        await MlxEngine().load(
            model_in(folder), LoadOptions(adapters=(str(adapter),)), lambda _: None
        )
    assert refused.value.param == "adapters"


async def test_vectors_are_of_the_mean_or_of_the_last_token(folder: Path, tmp_path: Path) -> None:
    texts = ("How do I load a model?", "How do I load a model? " * 40, "hello")
    last = changed(folder, tmp_path / "last", "config.json")
    (last / "1_Pooling").mkdir()
    (last / "1_Pooling" / "config.json").write_text('{"pooling_mode_lasttoken": true}')
    for place, pools_last in ((folder, False), (last, True)):
        async with loaded(place, batch_size=64) as engine:
            found = await embed(engine, texts)
        states = await asyncio.to_thread(reference, folder, texts)
        for vector, of_text in zip(found.vectors, states, strict=True):
            own = of_text[-1] if pools_last else of_text.mean(axis=0)
            own = own / np.linalg.norm(own)
            assert np.frombuffer(vector, "<f4") == pytest.approx(own, abs=1e-4)
        assert found.usage.prompt_tokens == sum(map(len, states))


async def embed(
    engine: MlxEngine, texts: tuple[str, ...], dimensions: int | None = None
) -> Embeddings:
    request = EmbeddingRequest(id="1", model_id="guide", inputs=texts, dimensions=dimensions)
    async with asyncio.timeout(60):
        return await engine.embed(request)


def reference(folder: Path, texts: tuple[str, ...]) -> list[np.ndarray]:
    import mlx.core as mx
    from mlx_lm.utils import load_model
    from tokenizers import Tokenizer

    net, _ = load_model(folder)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    return [np.array(net.model(mx.array([tokenizer.encode(text).ids]))[0]) for text in texts]


async def test_what_vectors_cannot_be_had_is_refused_by_its_field(folder: Path) -> None:
    async with loaded(folder) as engine:
        half = await embed(engine, ("hello",), dimensions=128)
        assert len(half.vectors[0]) == 128 * 4
        with pytest.raises(InvalidRequestError, match="256") as refused:
            await embed(engine, ("hello",), dimensions=257)
        assert refused.value.param == "dimensions"
        with pytest.raises(ContextLengthError) as refused:
            await embed(engine, ("hello", "word " * 3000))
        assert refused.value.param == "input[1]"


async def test_vectors_answers_and_leavers_do_not_get_in_each_others_way(folder: Path) -> None:
    async with loaded(folder) as engine:
        alone = await embed(engine, ("hello", QUESTION))
        expected = await text_of(engine, ask(QUESTION))
        left = asyncio.create_task(embed(engine, ("word " * 500,) * 20))
        both = asyncio.gather(text_of(engine, ask(QUESTION)), embed(engine, ("hello", QUESTION)))
        await asyncio.sleep(0.05)
        left.cancel()
        text, vectors = await both
        assert text == expected
        assert vectors == alone
