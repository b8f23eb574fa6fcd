"""A manager with scripted engines, and the few waits that its tests share."""

from __future__ import annotations

import asyncio
import functools
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import gguf
import numpy as np
from machine_memory import pool_of
from troupe import Part, ScriptedEngine, Troupe

from jupyter_llm.manager.manager import ModelManager
from jupyter_llm.manager.settings import ManagerSettings, RestartPolicy
from jupyter_llm.types import GenerationRequest, ModelState, ModelStatus

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine
    from pathlib import Path

    from jupyter_llm.hardware.pool import MemoryPool

QUICK = RestartPolicy(first_delay_s=0.02, factor=2.0, max_delay_s=0.1, max_restarts=3)
ASK = GenerationRequest(id="1", model_id="echo", prompt="hello")


@dataclass(kw_only=True)
class Stage:
    manager: ModelManager
    troupe: Troupe
    pool: MemoryPool
    events: list[ModelStatus] = field(default_factory=list)

    @property
    def states(self) -> list[str]:
        """The states seen so far, without repetitions."""
        states = [status.state.value for status in self.events]
        return [s for i, s in enumerate(states) if i == 0 or s != states[i - 1]]

    @property
    def engine(self) -> ScriptedEngine:
        return self.troupe.engines[-1]

    @property
    def num_waiting(self) -> int:
        """Requests that wait for a turn."""
        return sum(status.stats.num_waiting for status in self.manager.loaded())

    async def until_state(self, state: ModelState) -> None:
        await until(lambda: any(s.state is state for s in self.manager.loaded()))

    async def text(self, request: GenerationRequest = ASK) -> str:
        return "".join([chunk.text async for chunk in self.manager.generate(request)])


async def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition, for ten seconds at most."""
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.002)


@asynccontextmanager
async def stage(
    *parts: Part, free_bytes: int = 1 << 40, pool: MemoryPool | None = None, **settings: Any
) -> AsyncIterator[Stage]:
    """The model `echo`, played by the troupe; stopped at the end of the block."""
    troupe = Troupe(*parts)
    events: list[ModelStatus] = []
    pool = pool or pool_of(free_bytes)
    settings = {"restart": QUICK, "unload_timeout_s": 0.2, "stop_timeout_s": 5.0} | settings
    manager = ModelManager(
        settings=ManagerSettings(**settings),
        on_event=lambda _topic, status: events.append(status),
        find_engine=troupe.find,
        pool=pool,
    )
    try:
        yield Stage(manager=manager, troupe=troupe, pool=pool, events=events)
    finally:
        await manager.stop()


def write_model(path: Path) -> Path:
    """The smallest file that counts as a model."""
    return _write_gguf(path, "model")


def write_adapter(path: Path) -> Path:
    """The smallest file that counts as a LoRA adapter."""
    return _write_gguf(path, "adapter")


def _write_gguf(path: Path, kind: str) -> Path:
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_type(kind)
    writer.add_tensor("w", np.zeros(32, dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def scenario(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run an async test on an event loop of its own."""

    @functools.wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        asyncio.run(test(*args, **kwargs))

    return run
