"""One user's long requests beside another's short ones, at a live server with a real model."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from statistics import median
from typing import TYPE_CHECKING

import pytest

from jupyter_llm.bench import sharing
from jupyter_llm.bench.load import Endpoint
from jupyter_llm.engines.common.pace import TARGET_MIXED_STEP_S

if TYPE_CHECKING:
    from live import LiveServer

NUM_SHORT = 15


@pytest.mark.slow
def test_short_requests_wait_for_a_step_and_not_for_an_answer(guide_server: LiveServer) -> None:
    endpoint = Endpoint(
        url=f"{guide_server.url}/v1/completions",
        model="guide",
        pid=guide_server.pid,
        token=guide_server.token,
    )
    light, heavy = (sharing.as_user(endpoint, name) for name in ("light", "heavy"))
    short = replace(sharing.SHORT, num_streams=NUM_SHORT)
    long = sharing.LONG
    asyncio.run(sharing.short_requests(light, replace(short, round=-1, num_streams=2)))
    alone = asyncio.run(sharing.short_requests(light, short))
    beside = asyncio.run(sharing.beside(light, heavy, replace(short, round=1), long))

    assert median(beside) <= 2 * median(alone) + TARGET_MIXED_STEP_S
