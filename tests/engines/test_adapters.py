"""LoRA adapters in llama.cpp: they change what a model says, and only where they fit it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from llama_helpers import continue_text, gguf_model
from tiny_adapter import write_tiny_adapter
from tiny_gguf import write_tiny_gguf

from jupyter_llm.engines.echo.engine import EchoEngine
from jupyter_llm.engines.llama_cpp.engine import LlamaCppEngine
from jupyter_llm.errors import InvalidRequestError, ModelFileError
from jupyter_llm.types import LoadOptions, Model


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    return write_tiny_gguf(tmp_path / "tiny.gguf")


def options(*adapters: Path) -> LoadOptions:
    return LoadOptions(num_threads=1, slots=1, adapters=tuple(map(str, adapters)))


def answer(model: Path, *adapters: Path) -> str:
    async def ask() -> str:
        engine = LlamaCppEngine()
        await engine.load(gguf_model(model), options(*adapters), lambda _: None)
        try:
            request = continue_text("the thing", temperature=0, max_tokens=24, ignore_eos=True)
            return "".join([chunk.text async for chunk in engine.generate(request)])
        finally:
            await engine.unload()

    return asyncio.run(ask())


def test_an_adapter_changes_the_answer_by_as_much_as_it_says(tiny: Path, tmp_path: Path) -> None:
    nothing = write_tiny_adapter(tmp_path / "nothing.gguf", strength=0)
    strong = write_tiny_adapter(tmp_path / "strong.gguf", strength=30)
    bare = answer(tiny)
    assert answer(tiny, nothing) == bare
    assert answer(tiny, strong) != bare
    assert answer(tiny, nothing, strong) == answer(tiny, strong)


def test_the_probe_counts_the_memory_of_adapters(tiny: Path, tmp_path: Path) -> None:
    adapter = write_tiny_adapter(tmp_path / "adapter.gguf", rank=2048)
    probe = LlamaCppEngine().probe
    bare = asyncio.run(probe(gguf_model(tiny), options()))
    adapted = asyncio.run(probe(gguf_model(tiny), options(adapter)))
    more_bytes = adapted.weights_bytes - bare.weights_bytes
    assert more_bytes == pytest.approx(adapter.stat().st_size, rel=0.05)
    assert adapted.kv_cache_bytes == bare.kv_cache_bytes


@pytest.mark.parametrize("kind", ["of another width", "of another architecture", "cut off"])
def test_an_adapter_that_does_not_fit_is_an_error_that_names_it(
    tiny: Path, tmp_path: Path, kind: str
) -> None:
    path = tmp_path / "adapter.gguf"
    if kind == "of another width":
        write_tiny_adapter(path, width=32)
    elif kind == "of another architecture":
        write_tiny_adapter(path, architecture="qwen2")
    else:
        path.write_bytes(write_tiny_adapter(path).read_bytes()[:-64])
    with pytest.raises(ModelFileError, match="adapter"):
        asyncio.run(LlamaCppEngine().probe(gguf_model(tiny), options(path)))


def test_an_engine_without_weights_refuses_adapters() -> None:
    model = Model(id="echo", format="echo", engine="echo")
    with pytest.raises(InvalidRequestError) as caught:
        asyncio.run(EchoEngine().load(model, options(Path("x.gguf")), lambda _: None))
    assert caught.value.param == "adapters"
