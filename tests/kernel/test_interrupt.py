"""An interrupted cell leaves the engine idle."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from live_kernel import LiveKernel, eventually

if TYPE_CHECKING:
    from jupyter_llm.client import Client
    from jupyter_llm.types import EngineStats

ENDLESS = "endless = {'type': 'array', 'items': {'enum': [1, 2]}, 'minItems': 100_000}"
IDLE_WITHIN_S = 1.0


def test_the_engine_is_idle_within_a_step(guide_kernel: LiveKernel, guide_client: Client) -> None:
    """The guide counts until its context is full, which takes it seconds."""

    def stats() -> EngineStats:
        return guide_client.model("guide").stats

    guide_kernel.ok(ENDLESS)
    cell = guide_kernel.start("%%llm -m guide --schema endless\nCount")
    while not cell.markdown.startswith("```json\n[1") and "2" not in cell.markdown:
        assert guide_kernel.step(cell)
    assert stats().num_running == 1
    guide_kernel.interrupt()
    guide_kernel.finish(cell)
    assert cell.reply["ename"] == "KeyboardInterrupt"
    assert eventually(lambda: stats().num_running == 0, IDLE_WITHIN_S)
    at_rest = stats()
    time.sleep(0.5)
    assert stats().num_steps == at_rest.num_steps
    num_shown = cell.markdown.count("1") + cell.markdown.count("2")
    assert 0 < num_shown < at_rest.num_completion_tokens
