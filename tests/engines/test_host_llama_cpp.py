from __future__ import annotations

import asyncio
import os
import signal
import struct
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest
from gguf_draft import FLOAT32, read_draft
from host_helpers import collect, eventually, is_gone, pid_of
from llama_helpers import continue_text, gguf_model
from tiny_gguf import write_tiny_gguf

from jupyter_llm.engines.host.engine import HostedEngine
from jupyter_llm.engines.llama_cpp.engine import LlamaCppEngine
from jupyter_llm.errors import ContextLengthError, EngineDiedError, ModelLoadError
from jupyter_llm.types import GenerationRequest, LoadOptions, Message, SamplingParams, TokenChunk


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_gguf(tmp_path_factory.mktemp("tiny") / "tiny.gguf")


@asynccontextmanager
async def hosted(path: Path, options: LoadOptions | None = None) -> AsyncIterator[HostedEngine]:
    engine = HostedEngine("llama_cpp")
    await engine.load(gguf_model(path), options or LoadOptions(), lambda _part: None)
    try:
        yield engine
    finally:
        await engine.unload()


def endless(seed: int = 0) -> GenerationRequest:
    return continue_text("the world", ignore_eos=True, seed=seed)


def test_a_hosted_model_streams_what_the_model_itself_streams(tiny: Path) -> None:
    requests = [
        continue_text("hello world", seed=3, max_tokens=40, num_top_logprobs=2),
        continue_text("in the", temperature=0.0, max_tokens=10, stop=("q",)),
    ]

    async def both() -> list[tuple[list[TokenChunk], list[TokenChunk]]]:
        plain = LlamaCppEngine()
        await plain.load(gguf_model(tiny), LoadOptions(), lambda _part: None)
        async with hosted(tiny) as engine:
            pairs = [(await collect(plain, r), await collect(engine, r)) for r in requests]
        await plain.unload()
        return pairs

    for expected, got in asyncio.run(both()):
        assert got == expected
        assert got[-1].usage is not None


def test_errors_and_conversations_pass_through(tiny: Path) -> None:
    chat = GenerationRequest(
        id="2",
        model_id="tiny",
        messages=(Message(role="user", content="hello"),),
        sampling=SamplingParams(max_tokens=3, ignore_eos=True),
    )

    async def run() -> None:
        async with hosted(tiny, LoadOptions(context_length=32)) as engine:
            with pytest.raises(ContextLengthError, match="holds 32 tokens"):
                await collect(engine, continue_text("the world " * 50))
            answer = await collect(engine, chat)
            assert answer[-1].usage is not None
            assert answer[-1].usage.completion_tokens == 3

    asyncio.run(run())


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGABRT])
def test_a_crash_under_eight_streams_is_eight_errors_and_soon_mended(
    tiny: Path, number: signal.Signals
) -> None:
    async def run() -> None:
        async with hosted(tiny) as engine:
            streams = [engine.generate(endless(seed)) for seed in range(8)]
            for stream in streams:
                await anext(stream)
            pid = pid_of(engine)
            os.kill(pid, number)
            killed_at = time.monotonic()
            for stream in streams:
                with pytest.raises(EngineDiedError, match=number.name):
                    await _read_to_the_end(stream)
            await engine.died()
            assert is_gone(pid)
            async with hosted(tiny) as second:
                assert time.monotonic() - killed_at < 10
                assert await collect(second, continue_text("back", max_tokens=2, seed=1))

    asyncio.run(run())


async def _read_to_the_end(stream: AsyncGenerator[TokenChunk, None]) -> None:
    async for _ in stream:
        pass


def test_a_failed_assertion_is_quoted(tiny: Path, tmp_path: Path) -> None:
    key = "llama.attention.layer_norm_rms_epsilon"
    path = tmp_path / "negative.gguf"
    path.write_bytes(read_draft(tiny).with_value(key, FLOAT32, struct.pack("<f", -1.0)).encode())

    async def run() -> None:
        async with hosted(path) as engine:
            with pytest.raises(EngineDiedError, match=r"SIGABRT.*GGML_ASSERT\(eps >= 0"):
                await collect(engine, continue_text("he"))

    asyncio.run(run())


def test_a_load_that_is_killed_half_way_fails_and_leaves_nothing(tmp_path: Path) -> None:
    endless = tmp_path / "tiny.gguf"
    os.mkfifo(endless)  # whoever opens it waits for a writer: the load cannot end by itself

    def has_library(pid: int) -> bool:
        return any("libllama" in mapped.path for mapped in psutil.Process(pid).memory_maps())

    async def run() -> None:
        engine = HostedEngine("llama_cpp")
        loading = asyncio.create_task(
            engine.load(gguf_model(endless), LoadOptions(), lambda _part: None)
        )
        await eventually(lambda: engine._process is not None)
        pid = pid_of(engine)
        await eventually(lambda: has_library(pid))
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(ModelLoadError, match=r"Loading 'tiny' failed.*SIGKILL"):
            await loading
        assert is_gone(pid)
        await engine.unload()

    asyncio.run(run())
