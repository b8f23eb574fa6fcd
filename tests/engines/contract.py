"""What the contract suite is told of each engine, and the stage that it plays on.

An engine joins by one `Subject` in `SUBJECTS`. What it cannot do stands there, too: either
the field that its refusal names, which is then tested, or why there is nothing to test.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import importlib.util
import os
import resource
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from functools import partial, wraps
from itertools import count
from pathlib import Path
from typing import Any

import psutil
import pytest
from host_helpers import eventually
from live import LiveServer

from jupyter_llm.engines.base import Engine
from jupyter_llm.engines.echo.engine import EchoEngine
from jupyter_llm.engines.host.engine import HostedEngine
from jupyter_llm.engines.llama_cpp.engine import LlamaCppEngine
from jupyter_llm.engines.mlx.engine import MlxEngine
from jupyter_llm.engines.remote.engine import RemoteEngine
from jupyter_llm.engines.remote.remotes import Remotes
from jupyter_llm.engines.remote.settings import Key, Remote
from jupyter_llm.engines.vllm.engine import VllmEngine
from jupyter_llm.guide import GUIDE_PATH
from jupyter_llm.types import (
    GenerationRequest,
    LoadOptions,
    Message,
    Model,
    SamplingParams,
    TokenChunk,
)

Scene = Callable[["Stage"], Coroutine[Any, Any, None]]

SLOTS = 8
ABILITIES = frozenset(
    (
        *("stops by itself", "names its stop", "seeds", "constraints", "logprobs", "logit_bias"),
        *("prefill", "memory"),
    )
)
_ids = count()


@dataclass(frozen=True, kw_only=True)
class Subject:
    """One engine under contract.

    `make` makes the engine and `setting` surrounds its use, a server that it talks to for
    one; both together load `model` with `options`. `refuses` has, by ability, the field that
    an `InvalidRequestError` names; `lacks` has, by ability, why it cannot be tried. An engine
    is asked to take `too_much` of an address space that has `spare_bytes` left. Without the
    module `needs` the tests are skipped with `install`, and fail in CI. A load of it can be
    asked for `num_loads` times, one behind the other; `marks` are those of its tests.
    """

    name: str
    make: Callable[[], Engine]
    model: Model
    options: LoadOptions = field(default_factory=lambda: LoadOptions(slots=SLOTS))
    setting: Callable[[], AbstractContextManager[object]] = nullcontext
    too_much: LoadOptions = field(default_factory=LoadOptions)
    spare_bytes: int = 8 << 30
    refuses: Mapping[str, str] = field(default_factory=dict)
    lacks: Mapping[str, str] = field(default_factory=dict)
    needs: str = ""
    install: str = ""
    num_loads: int = 3
    marks: tuple[pytest.MarkDecorator, ...] = ()

    def __post_init__(self) -> None:
        assert {*self.refuses, *self.lacks} <= ABILITIES

    def can(self, *abilities: str) -> bool:
        return not {*self.refuses, *self.lacks} & set(abilities)


GUIDE_FOLDER = Path(__file__).parents[1] / "models" / "guide"
ECHO = Model(id="echo", format="echo", engine="echo", context_length=2048)
GUIDE = Model(
    id="guide", path=str(GUIDE_PATH), format="gguf", engine="llama_cpp", context_length=2048
)

_SERVICES = Remotes()


@contextmanager
def another_server() -> Iterator[None]:
    """A server of ours as the service that the engine `remote` talks to."""
    # a third of its slots is kept from one user
    slots = f"--LLMExtension.max_concurrent_requests={SLOTS + SLOTS // 2}"
    with LiveServer(slots, "--LLMExtension.num_threads=1") as server:
        remote = Remote(
            id="another",
            url=f"{server.url}/v1",
            models={"elsewhere": "guide"},
            key=Key(text=server.token),
            dialect="jupyter-llm",
            concurrency=SLOTS,
        )
        _SERVICES.add(remote, owner="contract")
        try:
            yield
        finally:
            _SERVICES.remove(remote.id, owner="contract")


_LLAMA_CPP = Subject(
    name="llama_cpp",
    make=LlamaCppEngine,
    model=GUIDE,
    options=LoadOptions(slots=SLOTS, num_threads=1, batch_size=64),
    too_much=LoadOptions(num_kv_cells=1 << 23),
    needs="llama_cpp",
    install="pip install 'jupyter-llm[llama-cpp]'",
)

SUBJECTS = (
    Subject(
        name="echo",
        make=EchoEngine,
        model=ECHO,
        refuses={"constraints": "response_format", "logit_bias": "logit_bias"},
        lacks={
            "seeds": "there is one answer, whatever the seed",
            "prefill": "a prompt takes no time",
            "memory": "there are no weights",
        },
    ),
    _LLAMA_CPP,
    replace(_LLAMA_CPP, name="llama_cpp-host", make=partial(HostedEngine, "llama_cpp")),
    Subject(
        name="remote",
        make=lambda: RemoteEngine(_SERVICES),
        model=replace(GUIDE, id="elsewhere", path="", format="openai", engine="remote"),
        setting=another_server,
        lacks={
            "names its stop": "OpenAI's API has no word for which stop string it was",
            "prefill": "what a service reads is not seen from here",
            "memory": "it takes none of this machine's",
        },
    ),
    Subject(
        name="mlx",
        make=MlxEngine,
        model=replace(GUIDE, path=str(GUIDE_FOLDER), format="safetensors", num_kv_values=1024),
        options=LoadOptions(slots=SLOTS, batch_size=64),
        too_much=LoadOptions(num_kv_cells=1 << 23),
        needs="mlx_lm",
        install="pip install 'jupyter-llm[mlx]'",
    ),
    Subject(
        name="vllm",
        make=VllmEngine,
        model=replace(GUIDE, path=str(GUIDE_FOLDER), format="safetensors", num_kv_values=1024),
        options=LoadOptions(slots=SLOTS, batch_size=64, num_threads=1),
        too_much=LoadOptions(num_kv_cells=1 << 23),
        needs="vllm",
        install="make test-vllm",
        num_loads=1,
        marks=(pytest.mark.vllm, pytest.mark.timeout(400)),
    ),
)


class Stage:
    """A subject whose engine is loaded once for all tests, on an event loop of its own."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.engine = subject.make()

    async def load(self, engine: Engine, options: LoadOptions | None = None) -> None:
        """Load the subject's model into an engine."""
        await engine.load(self.subject.model, options or self.subject.options, lambda _: None)

    @asynccontextmanager
    async def another(self) -> AsyncIterator[Engine]:
        """One more engine, for a test that ends it."""
        engine = self.subject.make()
        try:
            await self.load(engine)
            yield engine
        finally:
            await engine.unload()

    def ask(self, text: str, **sampling: Any) -> GenerationRequest:
        """A request for the greedy answer to a question, or for what `sampling` says."""
        return GenerationRequest(
            id=f"contract-{next(_ids)}",
            model_id=self.subject.model.id,
            messages=(Message(role="user", content=text),),
            sampling=SamplingParams(**{"temperature": 0.0, "max_tokens": 60, **sampling}),
        )

    async def answer(self, request: GenerationRequest) -> list[TokenChunk]:
        return [chunk async for chunk in self.engine.generate(request)]

    async def until_idle(self, within_s: float = 10.0) -> None:
        """Wait until the engine says that nobody is inside."""
        await eventually(lambda: is_idle(self.engine), within_s)


def contract(*abilities: str) -> Callable[[Scene], Any]:
    """Run a test on the stage of every engine that has all of these abilities."""
    assert set(abilities) <= ABILITIES
    chosen = [subject for subject in SUBJECTS if subject.can(*abilities)]
    return _on_stages(chosen)


def refusals() -> list[tuple[Subject, str]]:
    """Every subject with each ability that it refuses."""
    return [(subject, ability) for subject in SUBJECTS for ability in subject.refuses]


@contextmanager
def staged(subject: Subject) -> Iterator[tuple[Stage, asyncio.Runner]]:
    """A stage with its engine loaded, and what runs its scenes."""
    if subject.needs and importlib.util.find_spec(subject.needs) is None:
        assert "CI" not in os.environ, subject.install
        pytest.skip(f"{subject.needs} is not installed: {subject.install}")
    with subject.setting(), asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        stage = Stage(subject)
        runner.run(stage.load(stage.engine))
        try:
            yield stage, runner
        finally:
            runner.run(stage.engine.unload())


def _on_stages(subjects: list[Subject]) -> Callable[[Scene], Any]:
    def decorate(scene: Scene) -> Any:
        @wraps(scene)
        def test(stage: tuple[Stage, asyncio.Runner]) -> None:
            one, runner = stage
            runner.run(scene(one))

        named = [pytest.param(one, id=one.name, marks=one.marks) for one in subjects]
        # the scope of a session: pytest then puts together what shares an engine
        mark = pytest.mark.parametrize("stage", named, indirect=True, scope="session")
        return mark(test)

    return decorate


def text_of(chunks: list[TokenChunk]) -> str:
    return "".join(chunk.text for chunk in chunks)


def is_idle(engine: Engine) -> bool:
    stats = engine.stats()
    return not stats.num_running + stats.num_waiting


@contextmanager
def address_space(spare_bytes: int) -> Iterator[None]:
    """Let this process, and those that it starts, have only so much more memory."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    limit = psutil.Process().memory_info().vms + spare_bytes
    resource.setrlimit(resource.RLIMIT_AS, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


class Footprint:
    """What an engine takes: memory of this process and of those that it starts, and threads."""

    def __init__(self) -> None:
        self._others = {child.pid for child in psutil.Process().children(recursive=True)}

    def processes(self) -> list[psutil.Process]:
        """This process, and its children that were not there at the beginning."""
        own = psutil.Process()
        return [own, *(c for c in own.children(recursive=True) if c.pid not in self._others)]

    def num_bytes(self) -> int:
        """Resident memory of them all, without what the C library keeps of earlier tests."""
        gc.collect()
        if trim := getattr(ctypes.CDLL(None), "malloc_trim", None):  # of glibc alone
            trim(0)
        return sum(process.memory_info().rss for process in self.processes())
