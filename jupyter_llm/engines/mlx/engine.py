"""The MLX engine as the manager sees it: the asynchronous side of a `Worker`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import ParamSpec, TypeVar

from jupyter_llm.chat.grammar.grammars import Grammars
from jupyter_llm.engines.base import Engine, OnProgress
from jupyter_llm.engines.common.folder import read_folder
from jupyter_llm.engines.common.inputs import TextInputs
from jupyter_llm.errors import EngineDiedError, LLMError
from jupyter_llm.types import (
    DetokenizeRequest,
    EmbeddingRequest,
    Embeddings,
    EngineStats,
    GenerationRequest,
    LoadOptions,
    MemoryUse,
    Model,
    TokenChunk,
    TokenizeRequest,
    TokenList,
)

from .embedder import EmbeddingTask
from .prompts import Prompts
from .runtime import Runtime, plan_load
from .sequence import Sequence
from .stepper import Event
from .worker import Worker

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Loaded:
    """What exists between load and unload."""

    worker: Worker
    prompts: Prompts
    inputs: TextInputs
    grammars: Grammars
    memory: MemoryUse

    def release(self) -> None:
        """End it all; one call, so that a caller who is cancelled cannot stop it half-way."""
        self.worker.stop()
        self.grammars.close()


class MlxEngine(Engine):
    """One folder of safetensors in this process, many sequences per step.

    Templates and tokenizing run on one helper thread, everything of MLX on the worker's,
    grammars are compiled on theirs; the event loop only passes chunks on.
    """

    name = "mlx"

    def __init__(self) -> None:
        self._helper = ThreadPoolExecutor(max_workers=1, thread_name_prefix="mlx helper")
        self._loaded: _Loaded | None = None
        self._answers: dict[Sequence, asyncio.Queue[TokenChunk | LLMError]] = {}
        self._death: asyncio.Queue[EngineDiedError] = asyncio.Queue()

    async def probe(self, model: Model, options: LoadOptions) -> MemoryUse:
        """Reckon from the files' sizes. See `Engine.probe`."""
        return await self._on_helper(_probe, model, options)

    async def load(self, model: Model, options: LoadOptions, on_progress: OnProgress) -> MemoryUse:
        """Start the worker, which reads the weights. See `Engine.load`."""
        loop = asyncio.get_running_loop()
        is_wanted = True

        def on_loading(part: float) -> bool:
            _post(loop, on_progress, part)
            return is_wanted

        worker = Worker(
            model,
            options,
            on_loading,
            deliver=lambda events: _post(loop, self._distribute, events),
            on_death=lambda error: _post(loop, self._death.put_nowait, error),
        )
        try:
            runtime = await asyncio.shield(asyncio.wrap_future(worker.loaded))
            self._loaded = await self._on_helper(_gathered, worker, runtime)
        except BaseException:
            is_wanted = False
            await self._on_helper(worker.stop)
            raise
        return self._loaded.memory

    async def generate(self, request: GenerationRequest) -> AsyncGenerator[TokenChunk, None]:
        """Stream an answer. See `Engine.generate`."""
        loaded = self._require_loaded()
        turn = await self._on_helper(loaded.prompts.any_turn, request)
        for check in turn.checks:
            await self._require_loaded().grammars.compiled(check)
        matchers = [
            await self._require_loaded().grammars.compiled(each) for each in turn.constraints
        ]
        sequence = await self._on_helper(
            self._require_loaded().prompts.sequence, request, turn, matchers
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
        task = EmbeddingTask(texts)
        self._require_loaded().worker.read(task)
        vectors = await asyncio.wrap_future(task.future)
        return await self._on_helper(loaded.inputs.embeddings, request, texts, vectors)

    async def tokenize(self, request: TokenizeRequest) -> TokenList:
        """Say what the model would read. See `Engine.tokenize`."""
        return await self._on_helper(self._tokens, request)

    async def detokenize(self, request: DetokenizeRequest) -> str:
        """Say what tokens stand for. See `Engine.detokenize`."""
        return await self._on_helper(self._require_loaded().inputs.detokenized, request)

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

    def _tokens(self, request: TokenizeRequest) -> TokenList:
        loaded, asked = self._require_loaded(), request.request
        if asked.prompt is not None:
            vocabulary = loaded.prompts.vocabulary
            ids = vocabulary.tokenize(asked.prompt, adds_special=request.adds_special)
        else:
            ids = loaded.prompts.text_tokens(asked, loaded.prompts.any_turn(asked))
        return loaded.inputs.named(ids)

    def _require_loaded(self) -> _Loaded:
        if self._loaded is None:
            raise EngineDiedError("The model was unloaded before the answer began.")
        return self._loaded

    def _distribute(self, events: list[Event]) -> None:
        for sequence, item in events:
            if (answer := self._answers.get(sequence)) is not None:
                answer.put_nowait(item)

    async def _on_helper(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._helper, lambda: function(*args, **kwargs))


def _probe(model: Model, options: LoadOptions) -> MemoryUse:
    return plan_load(model, options, read_folder(Path(model.path)))


def _gathered(worker: Worker, runtime: Runtime) -> _Loaded:
    """What serves requests beside the worker, which alone keeps the model itself."""
    prompts = Prompts(runtime)
    context_length = runtime.options.context_length
    inputs = TextInputs(
        runtime.vocabulary,
        prompts,
        context_length=context_length,
        max_tokens=context_length,
        num_dimensions=runtime.num_dimensions,
    )
    grammars = Grammars(runtime.vocabulary.grammar_tokenizer)
    return _Loaded(worker, prompts, inputs, grammars, runtime.memory)


def _post(loop: asyncio.AbstractEventLoop, function: Callable[[T], object], value: T) -> None:
    """Call `function` on the loop; a loop that is closed has nobody left to tell."""
    if not loop.is_closed():
        loop.call_soon_threadsafe(function, value)
