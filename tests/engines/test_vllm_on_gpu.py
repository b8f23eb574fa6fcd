"""vLLM on an NVIDIA GPU; run where there is one with: pytest -m "gpu and vllm"."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec

import pytest
from contract import GUIDE_FOLDER
from mlx_stage import answer, ask, model_in

from jupyter_llm.engines.host.engine import HostedEngine
from jupyter_llm.hardware.kinds import CUDA
from jupyter_llm.hardware.pool import MemoryPool
from jupyter_llm.types import LoadOptions

pytestmark = [pytest.mark.gpu, pytest.mark.vllm, pytest.mark.timeout(900)]

CELLS = 1 << 20
QUESTION = "How do I load a model?"


def used_bytes() -> int:
    devices = MemoryPool().survey().devices
    return sum(device.used_bytes for device in devices if device.kind == CUDA)


@pytest.mark.skipif(find_spec("vllm") is None, reason="pip install 'jupyter-llm[vllm]'")
async def test_asleep_it_holds_nothing_of_the_gpu_and_awake_it_answers_as_before() -> None:
    if not any(device.kind == CUDA for device in MemoryPool().survey().devices):
        pytest.skip("there is no GPU")
    engine = HostedEngine("vllm")
    model = replace(model_in(GUIDE_FOLDER), engine="vllm")
    memory = await engine.load(model, LoadOptions(num_kv_cells=CELLS), lambda _: None)
    try:
        before = await answer(engine, ask(QUESTION))
        awake = used_bytes()
        assert engine.can_sleep
        await engine.sleep()
        assert awake - used_bytes() >= memory.kv_cache_bytes
        await engine.wake()
        after = await answer(engine, ask(QUESTION))
        assert [one.text for one in after] == [one.text for one in before]
    finally:
        await engine.unload()
