"""An engine of another package that can sleep: it says how often it was woken."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from jupyter_llm.errors import EngineDiedError
from jupyter_llm.types import (
    FinishReason,
    GenerationRequest,
    LoadOptions,
    MemoryUse,
    Model,
    Timings,
    TokenChunk,
    Usage,
)
from shouting_engine.engine import OnProgress, ShoutingEngine

NUM_BYTES = 64 << 20


class DozingEngine(ShoutingEngine):
    """After "oversleep" was asked of it, it does not wake."""

    name = "dozing"

    def __init__(self) -> None:
        super().__init__()
        self._num_wakes = 0
        self._oversleeps = False
        self._is_awake = False

    @property
    def can_sleep(self) -> bool:
        return True

    async def load(self, model: Model, options: LoadOptions, on_progress: OnProgress) -> MemoryUse:
        await super().load(model, options, on_progress)
        self._is_awake = True
        return MemoryUse(weights_bytes=NUM_BYTES)

    async def generate(self, request: GenerationRequest) -> AsyncGenerator[TokenChunk, None]:
        if not self._is_awake:
            raise EngineDiedError("It was asked in its sleep.")
        words = (request.messages or ())[-1].content
        self._oversleeps = words == "oversleep"
        yield TokenChunk(text=f"{request.model_id} was woken {self._num_wakes} times")
        yield TokenChunk(
            text="",
            finish_reason=FinishReason.STOP,
            usage=Usage(prompt_tokens=1, completion_tokens=1),
            timings=Timings(),
        )

    async def sleep(self) -> None:
        self._is_awake = False

    async def wake(self) -> None:
        if self._oversleeps:
            raise EngineDiedError("It overslept.")
        self._num_wakes += 1
        self._is_awake = True
