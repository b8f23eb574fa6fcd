"""The llama.cpp engine as the manager sees it: the asynchronous side of a `Worker`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

from jupyter_llm.chat.dialogue import Turn
from jupyter_llm.chat.grammar.grammars import Grammars
from jupyter_llm.engines.base import Engine, OnProgress
from jupyter_llm.engines.common.stopping import LoadStoppedError, OnLoading
from jupyter_llm.errors import EngineDiedError, LLMError
from jupyter_llm.types import (
    DetokenizeRequest,
    EmbeddingRequest,
    Embeddings,
    EngineStats,
    GenerationRequest,
    Image,
    LoadOptions,
    MemoryUse,
    Model,
    Ranking,
    RerankRequest,
    TokenChunk,
    TokenizeRequest,
    TokenList,
)

from .draft import load_draft, memory_with
from .embedder import EmbeddingTask
from .embedding_context import Vector
from .inputs import Inputs
from .probe import probe
from .prompts import Prompts
from .runtime import Runtime
from .sequence import Sequence
from .sight import Seen
from .stepper import Event
from .vision import Vision
from .worker import Worker

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Loaded:
    """What exists between load and unload."""

    runtime: Runtime
    draft: Runtime | None
    prompts: Prompts
    inputs: Inputs
    grammars: Grammars
    worker: Worker
    vision: Vision | None

    def release(self) -> None:
        """End it all; one call, so that a caller who is cancelled cannot stop it half-way."""
        self.worker.stop()
        if self.vision:
            self.vision.close()
        self.grammars.close()
        if self.draft:
            self.draft.free()
        self.runtime.free()


class LlamaCppEngine(Engine):
    """One GGUF model in this process, many sequences per step.

    Loading, templates and tokenizing run on one helper thread, the steps on the
    worker's, grammars are compiled and images looked at on theirs; the event loop only
    passes chunks on.
    """

    name = "llama_cpp"

    def __init__(self) -> None:
        self._helper = ThreadPoolExecutor(max_workers=1, thread_name_prefix="llama.cpp helper")
        self._loaded: _Loaded | None = None
        self._answers: dict[Sequence, asyncio.Queue[TokenChunk | LLMError]] = {}
        self._death: asyncio.Queue[EngineDiedError] = asyncio.Queue()

    async def probe(self, model: Model, options: LoadOptions) -> MemoryUse:
        """Try the file in a child process. See `Engine.probe`."""
        return (await probe(model, options)).memory

    async def load(self, model: Model, options: LoadOptions, on_progress: OnProgress) -> MemoryUse:
        """Read the weights and start the worker. See `Engine.load`."""
        loop = asyncio.get_running_loop()
        is_wanted = True

        def on_loading(part: float) -> bool:
            _post(loop, on_progress, part)
            return is_wanted

        loading = asyncio.ensure_future(
            self._on_helper(self._load, loop, model, options, on_loading)
        )
        try:
            self._loaded = await asyncio.shield(loading)
        except asyncio.CancelledError:
            is_wanted = False
            await self._abandon(loading)
            raise
        return memory_with(self._loaded.runtime, self._loaded.draft)

    async def generate(self, request: GenerationRequest) -> AsyncGenerator[TokenChunk, None]:
        """Stream an answer. See `Engine.generate`."""
        loaded = self._require_loaded()
        turn = await self._on_helper(loaded.prompts.turn, request)
        for check in turn.checks:
            await self._require_loaded().grammars.compiled(check)
        matchers = [
            await self._require_loaded().grammars.compiled(each) for each in turn.constraints
        ]
        seen = await self._look(turn, Vision.see)
        sequence = await self._on_helper(
            self._require_loaded().prompts.sequence, request, turn, matchers, seen
        )
        if sequence.scores is None and (echo := sequence.echo()):
            yield echo
        answer = self._answers[sequence] = asyncio.Queue()
        try:
            self._require_loaded().worker.submit(sequence)
            while True:
                item = await answer.get()
                if isinstance(item, LLMError):
                    raise item
                yield item
                if item.finish_reason:
                    return
        finally:
            del self._answers[sequence]
            loaded.worker.cancel(sequence)

    async def embed(self, request: EmbeddingRequest) -> Embeddings:
        """Read texts for their vectors. See `Engine.embed`."""
        loaded = self._require_loaded()
        texts = await self._on_helper(loaded.inputs.texts, request)
        vectors = await self._read(texts)
        return await self._on_helper(loaded.inputs.embeddings, request, texts, vectors)

    async def rerank(self, request: RerankRequest) -> Ranking:
        """Score documents against a query. See `Engine.rerank`."""
        loaded = self._require_loaded()
        texts = await self._on_helper(loaded.inputs.pairs, request)
        return loaded.inputs.ranking(texts, await self._read(texts))

    async def tokenize(self, request: TokenizeRequest) -> TokenList:
        """Say what the model would read. See `Engine.tokenize`."""
        asked = request.request
        turn = await self._on_helper(self._require_loaded().prompts.any_turn, asked)
        seen = await self._look(turn, Vision.measure)
        return await self._on_helper(self._require_loaded().inputs.tokens, request, turn, seen)

    async def detokenize(self, request: DetokenizeRequest) -> str:
        """Say what tokens stand for. See `Engine.detokenize`."""
        return await self._on_helper(self._require_loaded().inputs.detokenized, request)

    async def _read(self, texts: list[list[int]]) -> list[Vector]:
        """Have the worker read texts; whoever leaves takes what is left of them back."""
        task = EmbeddingTask(texts)
        self._require_loaded().worker.read(task)
        return await asyncio.wrap_future(task.future)

    async def unload(self) -> None:
        """Stop the worker and free the memory. See `Engine.unload`."""
        loaded, self._loaded = self._loaded, None
        if loaded:
            await self._on_helper(loaded.release)
        self._helper.shutdown(wait=False)

    def stats(self) -> EngineStats:
        """The worker's last snapshot."""
        return self._loaded.worker.stats if self._loaded else EngineStats()

    async def died(self) -> EngineDiedError:
        """Wait for the worker to fail. See `Engine.died`."""
        return await self._death.get()

    def _load(
        self,
        loop: asyncio.AbstractEventLoop,
        model: Model,
        options: LoadOptions,
        on_loading: OnLoading,
    ) -> _Loaded:
        runtime = Runtime(model, options, on_loading)
        try:
            prompts = Prompts(runtime)
            draft = load_draft(runtime, options, on_loading)
        except (LLMError, LoadStoppedError):
            runtime.free()
            raise
        worker = Worker(
            runtime,
            deliver=lambda events: _post(loop, self._distribute, events),
            on_death=lambda error: _post(loop, self._death.put_nowait, error),
            draft=draft,
        )
        grammars = Grammars(runtime.vocabulary.grammar_tokenizer)
        vision = (
            Vision(runtime.projector, runtime.options.context_length) if runtime.projector else None
        )
        return _Loaded(runtime, draft, prompts, Inputs(runtime, prompts), grammars, worker, vision)

    async def _abandon(self, loading: asyncio.Future[_Loaded]) -> None:
        """Wait until a load that nobody wants any more has given its memory back."""
        try:
            self._loaded = await loading
        except (LLMError, LoadStoppedError):
            return
        await self.unload()

    def _require_loaded(self) -> _Loaded:
        if self._loaded is None:
            raise EngineDiedError("The model was unloaded before the answer began.")
        return self._loaded

    def _distribute(self, events: list[Event]) -> None:
        for sequence, item in events:
            if (answer := self._answers.get(sequence)) is not None:
                answer.put_nowait(item)

    async def _look(
        self, turn: Turn, how: Callable[[Vision, Mapping[str, Image]], dict[str, Seen]]
    ) -> dict[str, Seen]:
        """What the images of a turn come to."""
        vision = self._require_loaded().vision
        if vision is None or not turn.images:
            return {}
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(vision.thread, how, vision, turn.images)
        except RuntimeError as error:  # the thread has ended
            raise EngineDiedError("The model was unloaded before the answer began.") from error

    async def _on_helper(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._helper, lambda: function(*args, **kwargs))


def _post(loop: asyncio.AbstractEventLoop, function: Callable[[T], object], value: T) -> None:
    """Call `function` on the loop; a loop that is closed has nobody left to tell."""
    if not loop.is_closed():
        loop.call_soon_threadsafe(function, value)
