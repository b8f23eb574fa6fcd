"""llama.cpp on an NVIDIA GPU; run where there is one with: pytest -m gpu."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from contract import GUIDE
from llama_helpers import continue_text

from jupyter_llm.engines import select
from jupyter_llm.engines.host.engine import HostedEngine
from jupyter_llm.hardware.kinds import CUDA
from jupyter_llm.hardware.pool import MemoryPool
from jupyter_llm.types import LoadOptions

pytestmark = pytest.mark.gpu

GPUS = [device for device in MemoryPool().survey().devices if device.kind == CUDA]
CAN_RUN = bool(GPUS) and select.device_of("llama_cpp") == CUDA
BUILD = "CMAKE_ARGS=-DGGML_CUDA=on pip install --force-reinstall --no-cache-dir llama-cpp-python"


@pytest.fixture(autouse=True)
def _needs_gpu() -> None:
    if not CAN_RUN:
        pytest.skip(f"there is no GPU, or llama.cpp was not built for it: {BUILD}")


@asynccontextmanager
async def loaded(**options: object) -> AsyncIterator[HostedEngine]:
    engine = HostedEngine("llama_cpp")
    await engine.load(GUIDE, LoadOptions(**options), lambda _: None)
    try:
        yield engine
    finally:
        await engine.unload()


async def text(**options: object) -> str:
    request = continue_text("How do I load a model?", temperature=0.0, max_tokens=24)
    async with loaded(**options) as engine:
        return "".join([chunk.text async for chunk in engine.generate(request)])


def used_bytes() -> int:
    devices = MemoryPool().survey().devices
    return sum(device.used_bytes for device in devices if device.kind == CUDA)


async def test_a_model_lies_on_the_gpu_and_gives_its_memory_back() -> None:
    before = used_bytes()
    async with loaded(num_gpu_layers=-1):
        assert used_bytes() - before > 8 << 20
    assert used_bytes() - before < 64 << 20


async def test_the_gpu_writes_what_the_processor_writes() -> None:
    on_gpu, on_cpu = await text(num_gpu_layers=-1), await text(num_gpu_layers=0)
    assert on_gpu[:20] == on_cpu[:20]


@pytest.mark.skipif(len(GPUS) < 2, reason="there are not two GPUs")
@pytest.mark.parametrize("split_mode", ["layer", "row", "none"])
async def test_a_model_is_spread_over_gpus(split_mode: str) -> None:
    shares = None if split_mode == "none" else (3.0, 1.0)
    assert await text(split_mode=split_mode, tensor_split=shares)
