"""The MLX engine as the manager sees it: the asynchronous side of a `Worker`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path

from jupyter_llm.chat.grammar.grammars import Grammars
from jupyter_llm.engines.base import Engine, OnProgress
from jupyter_llm.engines.common.embedding import EmbeddingTask
from jupyter_llm.engines.common.folder import read_folder
from jupyter_llm.engines.common.helper import Helper, post
from jupyter_llm.engines.common.inputs import TextInputs
from jupyter_llm.engines.common.served import Served
from jupyter_llm.errors import EngineDiedError
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

from .prompts import Prompts
from .runtime import Runtime, plan_load
from .sequence import Sequence
from .worker import Worker


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
        self._helper = Helper("mlx helper")
        self._loaded: _Loaded | None = None
        self._served: Served[Sequence] = Served()
        self._death: asyncio.Queue[EngineDiedError] = asyncio.Queue()

    async def probe(self, model: Model, options: LoadOptions) -> MemoryUse:
        """Reckon from the files' sizes. See `Engine.probe`."""
        return await self._helper.run(_probe, model, options)

    async def load(self, model: Model, options: LoadOptions, on_progress: OnProgress) -> MemoryUse:
        """Start the worker, which reads the weights. See `Engine.load`."""
        loop = asyncio.get_running_loop()
        is_wanted = True

        def on_loading(part: float) -> bool:
            post(loop, on_progress, part)
            return is_wanted

        worker = Worker(
            model,
            options,
            on_loading,
            deliver=lambda events: post(loop, self._served.hand_out, events),
            on_death=lambda error: post(loop, self._death.put_nowait, error),
        )
        try:
            runtime = await asyncio.shield(asyncio.wrap_future(worker.loaded))
            self._loaded = await self._helper.run(_gathered, worker, runtime)
        except BaseException:
            is_wanted = False
            await self._helper.run(worker.stop)
            raise
        return self._loaded.memory

    async def generate(self, request: GenerationRequest) -> AsyncGenerator[TokenChunk, None]:
        """Stream an answer. See `Engine.generate`."""
        loaded = self._require_loaded()
        turn = await self._helper.run(loaded.prompts.any_turn, request)
        for check in turn.checks:
            await self._require_loaded().grammars.compiled(check)
        matchers = [
            await self._require_loaded().grammars.compiled(each) for each in turn.constraints
        ]
        sequence = await self._helper.run(
            self._require_loaded().prompts.sequence, request, turn, matchers
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
        task = EmbeddingTask(texts)
        self._require_loaded().worker.read(task)
        vectors = await asyncio.wrap_future(task.future)
        return await self._helper.run(loaded.inputs.embeddings, request, texts, vectors)

    async def tokenize(self, request: TokenizeRequest) -> TokenList:
        """Say what the model would read. See `Engine.tokenize`."""
        return await self._helper.run(self._tokens, request)

    async def detokenize(self, request: DetokenizeRequest) -> str:
        """Say what tokens stand for. See `Engine.detokenize`."""
        return await self._helper.run(self._require_loaded().inputs.detokenized, request)

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
