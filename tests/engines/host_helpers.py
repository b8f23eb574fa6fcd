"""What the tests of the hosted engine share."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import psutil

from jupyter_llm.engines.base import Engine
from jupyter_llm.engines.host.engine import HostedEngine
from jupyter_llm.types import GenerationRequest, LoadOptions, Model, SamplingParams, TokenChunk

ECHO = Model(id="echo", format="echo", engine="echo")
ENDLESS = "word " * 200_000


def ask(text: str, **sampling: Any) -> GenerationRequest:
    return GenerationRequest(
        id="1", model_id="echo", prompt=text, sampling=SamplingParams(**sampling)
    )


@asynccontextmanager
async def hosted_echo(**options: Any) -> AsyncIterator[HostedEngine]:
    engine = HostedEngine("echo")
    await engine.load(ECHO, LoadOptions(**options), lambda _part: None)
    try:
        yield engine
    finally:
        await engine.unload()


async def collect(engine: Engine, request: GenerationRequest) -> list[TokenChunk]:
    return [without_times(chunk) async for chunk in engine.generate(request)]


def without_times(chunk: TokenChunk) -> TokenChunk:
    return replace(chunk, timings=None)


async def eventually(is_true: Callable[[], bool], within_s: float = 5.0) -> None:
    deadline = time.monotonic() + within_s
    while not is_true():
        assert time.monotonic() < deadline, "it did not come true in time"
        await asyncio.sleep(0.02)


def pid_of(engine: HostedEngine) -> int:
    assert engine._process is not None
    return engine._process.pid


def is_gone(pid: int) -> bool:
    """True once the process is reaped: a zombie is still there."""
    return not psutil.pid_exists(pid)


def has_ended(pid: int) -> bool:
    """True for a zombie too: whether an orphan is reaped is the system's affair."""
    return is_gone(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def engine_processes() -> list[psutil.Process]:
    """Children of this process that run an engine or a probe; other tests have their own."""
    return [
        child
        for child in psutil.Process().children()
        if "jupyter_llm.engines" in " ".join(child.cmdline())
    ]
