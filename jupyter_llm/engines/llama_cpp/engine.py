"""The llama.cpp engine as the manager sees it: the asynchronous side of a `Worker`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass

from jupyter_llm.chat.dialogue import Turn
from jupyter_llm.chat.grammar.grammars import Grammars
from jupyter_llm.engines.base import Engine, OnProgress
from jupyter_llm.engines.common.embedding import EmbeddingTask
from jupyter_llm.engines.common.helper import Helper, post
from jupyter_llm.engines.common.served import Served
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
from .embedding_context import Vector
from .inputs import Inputs
from .probe import probe
from .prompts import Prompts
from .runtime import Runtime
from .sequence import Sequence
from .sight import Seen
from .vision import Vision
from .worker import Worker


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
        self._helper = Helper("llama.cpp helper")
        self._loaded: _Loaded | None = None
        self._served: Served[Sequence] = Served()
        self._death: asyncio.Queue[EngineDiedError] = asyncio.Queue()

    async def probe(self, model: Model, options: LoadOptions) -> MemoryUse:
        """Try the file in a child process. See `Engine.probe`."""
        return (await probe(model, options)).memory

    async def load(self, model: Model, options: LoadOptions, on_progress: OnProgress) -> MemoryUse:
        """Read the weights and start the worker. See `Engine.load`."""
        loop = asyncio.get_running_loop()
        is_wanted = True

        def on_loading(part: float) -> bool:
            post(loop, on_progress, part)
            return is_wanted

        loading = asyncio.ensure_future(
            self._helper.run(self._load, loop, model, options, on_loading)
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
        turn = await self._helper.run(loaded.prompts.turn, request)
        for check in turn.checks:
            await self._require_loaded().grammars.compiled(check)
        matchers = [
            await self._require_loaded().grammars.compiled(each) for each in turn.constraints
        ]
        seen = await self._look(turn, Vision.see)
        sequence = await self._helper.run(
            self._require_loaded().prompts.sequence, request, turn, matchers, seen
        )
        if sequence.scores is None and (echo := sequence.echo()):
            yield echo
        with self._served.by(self._require_loaded().worker, sequence) as next_chunk:
            while True:
                chunk = await next_chunk()
                yield chunk
                if chunk.finish_reason:
                    return

    async def embed(self, request: EmbeddingRequest) -> Embeddings:
        """Read texts for their vectors. See `Engine.embed`."""
        loaded = self._require_loaded()
        texts = await self._helper.run(loaded.inputs.texts, request)
        vectors = await self._read(texts)
        return await self._helper.run(loaded.inputs.embeddings, request, texts, vectors)

    async def rerank(self, request: RerankRequest) -> Ranking:
        """Score documents against a query. See `Engine.rerank`."""
        loaded = self._require_loaded()
        texts = await self._helper.run(loaded.inputs.pairs, request)
        scores = await self._read(texts)
        return await self._helper.run(loaded.inputs.ranking, texts, scores)

    async def tokenize(self, request: TokenizeRequest) -> TokenList:
        """Say what the model would read. See `Engine.tokenize`."""
        asked = request.request
        turn = await self._helper.run(self._require_loaded().prompts.any_turn, asked)
        seen = await self._look(turn, Vision.measure)
        return await self._helper.run(self._require_loaded().inputs.tokens, request, turn, seen)

    async def detokenize(self, request: DetokenizeRequest) -> str:
        """Say what tokens stand for. See `Engine.detokenize`."""
        return await self._helper.run(self._require_loaded().inputs.detokenized, request)

    async def _read(self, texts: list[list[int]]) -> list[Vector]:
        """Have the worker read texts; whoever leaves takes what is left of them back."""
        task = EmbeddingTask(texts)
        self._require_loaded().worker.read(task)
        return await asyncio.wrap_future(task.future)

    async def unload(self) -> None:
        """Stop the worker and free the memory. See `Engine.unload`."""
        loaded, self._loaded = self._loaded, None
        if loaded:
            await self._helper.run(loaded.release)
        self._helper.end()

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
            deliver=lambda events: post(loop, self._served.hand_out, events),
            on_death=lambda error: post(loop, self._death.put_nowait, error),
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
