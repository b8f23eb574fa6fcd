"""What a cell shows while a model is loaded."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import pytest

from jupyter_llm.errors import InsufficientMemoryError
from jupyter_llm.kernel import loading
from jupyter_llm.kernel.display import Output, View
from jupyter_llm.types import EngineStats, MemoryUse, Model, ModelState, ModelStatus

if TYPE_CHECKING:
    from jupyter_llm.client import Client

BIG = Model(id="big", format="gguf", engine="llama_cpp")
LOADING = ModelStatus(model=BIG, state=ModelState.LOADING, progress=0.25)
READY = ModelStatus(
    model=BIG,
    state=ModelState.READY,
    progress=1.0,
    memory=MemoryUse(weights_bytes=2_500_000_000),
    stats=EngineStats(context_length=4096, slots=8),
)


@dataclass
class SlowServer:
    """A client whose load ends when it is told to."""

    error: Exception | None = None
    go_on: threading.Event = field(default_factory=threading.Event)

    def load(self, name: str, **_: Any) -> ModelStatus:
        assert name == "big"
        assert self.go_on.wait(30)
        if self.error:
            raise self.error
        return READY

    def loaded(self) -> tuple[ModelStatus, ...]:
        return (LOADING,)


class Drawn(Output):
    """Keeps the Markdown of what it draws; calls back at the line that is waited for."""

    def __init__(self, line: str, then: Any) -> None:
        super().__init__()
        self.lines: list[str] = []
        self._line, self._then = line, then

    def _draw(self, view: View) -> None:
        self.lines.append(view.markdown)
        if view.markdown == self._line:
            self._then()


def run(server: SlowServer, output: Output) -> ModelStatus:
    return loading.load(cast("Client", server), server.load, "big", {}, output)


def test_progress_is_shown_until_the_model_is_ready() -> None:
    server = SlowServer()
    output = Drawn("Loading big … 25%", server.go_on.set)
    assert run(server, output) == READY
    assert output.lines[0] == "Loading big …"
    assert output.lines[-1] == "big is ready · context of 4096 tokens, 8 slots · 2.5 GB of memory"


def test_a_load_that_fails_raises_the_reason() -> None:
    server = SlowServer(error=InsufficientMemoryError("It needs 9 GB, and 4 GB are free."))
    output = Drawn("Loading big … 25%", server.go_on.set)
    with pytest.raises(InsufficientMemoryError, match="9 GB"):
        run(server, output)
    assert output.lines[-1] == "The load failed."


def test_an_interrupt_says_how_to_stop_the_load() -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    server = SlowServer()
    output = Drawn("Loading big … 25%", interrupt)
    with pytest.raises(KeyboardInterrupt):
        run(server, output)
    server.go_on.set()
    assert output.lines[-1] == "The load goes on; `%llm unload big` stops it."
