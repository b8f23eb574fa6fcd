"""Random operations on two servers of one machine, against a model of what must hold.

Three models of ten bytes each, and memory for two of them. Whatever is done in whatever
order, on whichever server: the engines never hold more than there is, every request ends
with its whole answer or with an error that what was done explains, every wait ends, no
model is half there, and afterwards each server can use each model.
"""

from __future__ import annotations

import asyncio
import sqlite3
import sys
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from node import REPO, Server
from stage import write_model
from world import HELD, MODEL_BYTES, TOKENS, Machine

from jupyter_llm.errors import (
    DownloadError,
    EngineDiedError,
    InsufficientMemoryError,
    InvalidRequestError,
    ModelFileError,
    ModelLoadError,
    ModelNotFoundError,
    OverloadedError,
)
from jupyter_llm.guide import GUIDE_PATH
from jupyter_llm.manager.settings import EvictionPolicy, RestartPolicy
from jupyter_llm.types import LoadOptions, ModelState

sys.path.append(str(GUIDE_PATH.parents[2] / "tests" / "hub"))

from hub_server import Hub

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator

SERVERS = st.sampled_from([0, 1])
NAMES = st.sampled_from(["a", "b", "c"])
NAMES_OR_ACTIVE = st.sampled_from(["a", "b", "c", ""])
MEMORY = 2 * MODEL_BYTES
LONGEST_WAIT_S = 20.0
"""Far above the sum of all waits below, far below what a person would call stuck."""

SETTINGS: dict[str, Any] = {
    "default_model": "a",
    "eviction": EvictionPolicy(patience_s=0.02, max_wait_s=0.5),
    "restart": RestartPolicy(first_delay_s=0.01, max_delay_s=0.05, max_restarts=2),
    "failed_load_cooldown_s": 0.02,
    "drain_timeout_s": 0.2,
    "load_timeout_s": 5.0,
    "unload_timeout_s": 1.0,
    "stop_timeout_s": 5.0,
}


@pytest.fixture(autouse=True, scope="module")
def _hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    file = write_model(tmp_path_factory.mktemp("hub") / "model.gguf").read_bytes()
    with Hub() as hub, pytest.MonkeyPatch.context() as environment:
        hub.add(REPO, {f"{name}.gguf": file for name in "abc"})
        environment.setenv("HF_ENDPOINT", hub.url)
        environment.delenv("HF_TOKEN", raising=False)
        yield


@dataclass(kw_only=True)
class Asked:
    """Something that was asked, and how the world was then."""

    what: str
    name: str
    server: int
    task: asyncio.Task[str]
    ends_before: int
    held_before: int
    is_cancelled: bool = False
    is_checked: bool = False


class Node(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = TemporaryDirectory(prefix="jupyter-llm-machine-")
        self.machine = Machine(total_bytes=MEMORY)
        self.servers: list[Server] = []
        self.asked: list[Asked] = []
        self.removals: Counter[str] = Counter()
        self.num_ending: Counter[tuple[int, str]] = Counter()
        self.num_held = self.num_held_over = 0

    @initialize()
    def start(self) -> None:
        for name in "abc":
            path = self.path_of(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            write_model(path)
        self.run(self._start())

    async def _start(self) -> None:
        folder = Path(self.folder.name)
        self.servers = [Server(folder, self.machine, **SETTINGS) for _ in range(2)]

    @rule(server=SERVERS, name=NAMES)
    def load(self, server: int, name: str) -> None:
        self.ask("load", server, name, self._status(self.manager_of(server).load(name)))

    @rule(server=SERVERS, name=NAMES, slots=st.sampled_from([None, 2]))
    def switch(self, server: int, name: str, slots: int | None) -> None:
        options = None if slots is None else LoadOptions(slots=slots)
        work = self.manager_of(server).switch(name, options)
        self.ask("switch", server, name, self._status(work))

    @rule(server=SERVERS, name=NAMES)
    def unload(self, server: int, name: str) -> None:
        work = self._status(self.manager_of(server).unload(name))
        self.ask("unload", server, name, self._ending(server, name, work))

    @rule(server=SERVERS, name=NAMES)
    def pull(self, server: int, name: str) -> None:
        self.ask("pull", server, name, self.servers[server].pull(name))

    @rule(server=SERVERS, name=NAMES)
    def rm(self, server: int, name: str) -> None:
        self.removals[name] += 1
        work = self.servers[server].remove(name)
        self.ask("rm", server, name, self._ending(server, name, work))

    @rule(server=SERVERS, name=NAMES_OR_ACTIVE, keep_alive_s=st.sampled_from([None, 0.0, 0.005]))
    def generate(self, server: int, name: str, keep_alive_s: float | None) -> None:
        work = self.servers[server].answer(name, "short", keep_alive_s)
        self.ask("generate", server, name, work)

    @rule(server=SERVERS, name=NAMES_OR_ACTIVE)
    def generate_until_released(self, server: int, name: str) -> None:
        self.num_held += 1
        self.ask("generate", server, name, self.servers[server].answer(name, HELD))
        self.asked[-1].held_before = 0

    @rule()
    def release_who_is_held(self) -> None:
        self.run(self._release())

    @rule(number=st.integers(min_value=0, max_value=50))
    def cancel(self, number: int) -> None:
        """One of all that were asked, so that the choice depends on no clock."""
        if self.asked:
            asked = self.asked[-1 - number % len(self.asked)]
            asked.is_cancelled = asked.is_cancelled or not asked.task.done()
            self.run(self._cancel(asked.task))

    @rule(server=SERVERS, name=NAMES)
    def let_the_next_load_fail(self, server: int, name: str) -> None:
        self.servers[server].world.failing.add(name)

    @rule(server=SERVERS, name=NAMES)
    def let_the_engine_die(self, server: int, name: str) -> None:
        if engine := self.servers[server].world.living.get(name):
            engine.die()

    @rule(pause_s=st.sampled_from([0.0, 0.001, 0.01, 0.05]))
    def let_time_pass(self, pause_s: float) -> None:
        self.run(asyncio.sleep(pause_s))

    @invariant()
    def no_memory_is_promised_twice(self) -> None:
        assert self.machine.most_bytes <= MEMORY

    @invariant()
    def no_model_is_half_there(self) -> None:
        sizes = {self.size_of(name) for name in "abc"} - {None}
        assert len(sizes) <= 1

    @invariant()
    def what_has_ended_is_explained(self) -> None:
        for asked in self.asked:
            if asked.task.done() and not asked.is_checked:
                asked.is_checked = True
                self.check(asked)

    def teardown(self) -> None:
        try:
            if self.servers:
                self.run(self._finish())
                self.what_has_ended_is_explained()
                self.no_memory_is_promised_twice()
                assert self.machine.used_bytes == 0
                self.check_registry()
        finally:
            self.runner.close()
            self.folder.cleanup()

    def check_registry(self) -> None:
        with closing(sqlite3.connect(Path(self.folder.name) / "registry.sqlite3")) as database:
            assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)

    def path_of(self, name: str) -> Path:
        """Where a download puts it, too."""
        return Path(self.folder.name, "models", *REPO.split("/"), f"{name}.gguf")

    def size_of(self, name: str) -> int | None:
        try:
            return self.path_of(name).stat().st_size
        except FileNotFoundError:
            return None

    def manager_of(self, server: int) -> Any:
        return self.servers[server].manager

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(work)

    def ask(self, what: str, server: int, name: str, work: Coroutine[Any, Any, str]) -> None:
        """Begin, and go on with the next operation while it runs."""
        self.run(self._ask(what, server, name, work))

    async def _ask(self, what: str, server: int, name: str, work: Coroutine[Any, Any, str]) -> None:
        self.asked.append(
            Asked(
                what=what,
                name=name,
                server=server,
                task=asyncio.create_task(work),
                ends_before=self.num_ends(server, name),
                held_before=self.num_held_over,
            )
        )
        for _ in range(3):
            await asyncio.sleep(0)

    def num_ends(self, server: int, name: str) -> int:
        """How often so far an answer of this model, or of the active one, may have been cut."""
        ends = self.servers[server].world.ends
        return ends[name] if name else ends.total()

    def is_ending(self, server: int, name: str) -> bool:
        """Whether this model, or the active one, is perhaps being taken out of memory."""
        return any(self.num_ending[server, each] for each in ([name] if name else "abc"))

    async def _ending(self, server: int, name: str, work: Coroutine[Any, Any, str]) -> str:
        """Work that takes a model out of memory: whatever came meanwhile may be cut, too."""
        self.num_ending[server, name] += 1
        try:
            return await work
        finally:
            self.num_ending[server, name] -= 1
            self.servers[server].world.ends[name] += 1

    async def _status(self, work: Coroutine[Any, Any, Any]) -> str:
        return str((await work).state.value)

    async def _cancel(self, task: asyncio.Task[str]) -> None:
        task.cancel()
        await asyncio.wait({task}, timeout=LONGEST_WAIT_S)
        assert task.done()

    async def _release(self) -> None:
        for server in self.servers:
            server.world.released.set()
        await asyncio.sleep(0.003)
        for server in self.servers:
            server.world.released.clear()
        self.num_held_over = self.num_held

    def check(self, asked: Asked) -> None:
        """Every end is one that what was done explains."""
        if asked.task.cancelled():
            assert asked.is_cancelled, asked
            return
        error = asked.task.exception()
        if error is not None:
            assert self.is_explained(asked, error), (asked, error)
        elif asked.what == "generate":
            assert asked.task.result() == "".join(TOKENS), asked

    def is_explained(self, asked: Asked, error: BaseException) -> bool:
        """Whether what was done on either server can have led to this error."""
        was_ended = self.num_ends(asked.server, asked.name) > asked.ends_before
        was_ended = was_ended or self.is_ending(asked.server, asked.name)
        was_held = self.num_held > asked.held_before
        has_neighbour = self.servers[1 - asked.server].world.num_loads > 0
        was_removed = bool(self.removals[asked.name] if asked.name else self.removals.total())
        broke = any(word in str(error) for word in ("It broke.", "Killed"))
        reasons: dict[type[BaseException], bool] = {
            ModelNotFoundError: was_removed,
            # deleted between a look at the folder and one at the file
            ModelFileError: was_removed,
            # the other server downloads it, or deletes it
            DownloadError: asked.what == "pull",
            InsufficientMemoryError: has_neighbour,
            # loaded with other options, or deleted by both servers at once
            InvalidRequestError: asked.what == "switch" or (asked.what == "rm" and was_removed),
            OverloadedError: has_neighbour or was_held,
            ModelLoadError: was_ended or broke,
            EngineDiedError: was_ended or getattr(error, "retry_after_s", None) is not None,
        }
        return reasons.get(type(error), False)

    async def _finish(self) -> None:
        """Let everything end that can; then each model answers everywhere, and memory is free."""
        for server in self.servers:
            server.world.released.set()
        tasks = [asked.task for asked in self.asked]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=LONGEST_WAIT_S)
            assert not late, late
        for server in self.servers:
            server.world.failing.clear()
            await self._until_settled(server)
            await self._leave_memory(server)
        for server in self.servers:
            for name in "abc":
                await server.pull(name)
                await self._answers_again(server, name)
            await self._leave_memory(server)
        for server in self.servers:
            await server.stop()
            assert server.manager.loaded() == ()

    async def _leave_memory(self, server: Server) -> None:
        for status in server.manager.loaded():
            await server.manager.unload(status.model.id)

    async def _until_settled(self, server: Server) -> None:
        moving = {ModelState.QUEUED, ModelState.LOADING, ModelState.UNLOADING}
        end = time.monotonic() + LONGEST_WAIT_S
        while any(status.state in moving for status in server.manager.loaded()):
            assert time.monotonic() < end, server.manager.loaded()
            await asyncio.sleep(0.005)

    async def _answers_again(self, server: Server, name: str) -> None:
        async with asyncio.timeout(LONGEST_WAIT_S):
            while True:
                try:
                    assert await server.answer(name, "short") == "".join(TOKENS)
                except ModelLoadError as error:
                    if error.retry_after_s is None:
                        raise
                    await asyncio.sleep(0.005)
                else:
                    return


TestNode = Node.TestCase
TestNode.settings = settings(
    max_examples=20,
    stateful_step_count=50,
    derandomize=True,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
