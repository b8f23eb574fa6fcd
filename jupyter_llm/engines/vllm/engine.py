"""The vLLM engine as the manager sees it."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import partial
from itertools import count
from pathlib import Path

from jupyter_llm.engines.base import Engine, OnProgress
from jupyter_llm.engines.common.helper import Helper
from jupyter_llm.engines.common.pages import return_free_pages
from jupyter_llm.engines.common.stopping import LoadStoppedError
from jupyter_llm.errors import EngineDiedError, InvalidRequestError, LLMError, ModelLoadError
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

from .core import begin
from .counters import Counters
from .environment import log_path
from .loaded import Loaded
from .log import cause_in, progress_in, read_log
from .plan import planned
from .sequence import Sequence

_LOOK_EVERY_S = 0.5


class VllmEngine(Engine):
    """One folder of safetensors in vLLM's own processes, many sequences per step.

    Templates and tokenizing run on one helper thread, which also starts and ends vLLM;
    grammars are compiled on theirs; vLLM's client runs on the event loop.
    """

    name = "vllm"
    begin = staticmethod(begin)

    def __init__(self) -> None:
        self._helper = Helper("vllm helper")
        self._loaded: Loaded | None = None
        self._folder = ""
        self._is_unloading = False
        self._watch: asyncio.Task[None] | None = None
        self._death: asyncio.Queue[EngineDiedError] = asyncio.Queue()
        self._counters = Counters()
        self._numbers = count()

    async def probe(self, model: Model, options: LoadOptions) -> MemoryUse:
        """Reckon from the files' sizes. See `Engine.probe`."""
        return (await self._helper.run(planned, model, options)).memory

    async def load(self, model: Model, options: LoadOptions, on_progress: OnProgress) -> MemoryUse:
        """Start vLLM, which reads the weights. See `Engine.load`."""
        self._folder = await self._helper.run(partial(tempfile.mkdtemp, prefix="jupyter-llm-vllm-"))
        following = asyncio.create_task(self._follow(on_progress))
        is_wanted = True
        starting = asyncio.ensure_future(
            self._helper.run(
                Loaded.start, self.begin, model, options, Path(self._folder), lambda: is_wanted
            )
        )
        try:
            self._loaded = await asyncio.shield(starting)
        except ModelLoadError as error:
            raise await self._explained(error) from error
        except asyncio.CancelledError:
            is_wanted = False
            await self._take_back(starting)
            raise
        finally:
            following.cancel()
        self._counters = Counters(self._loaded.options)
        self._watch = asyncio.create_task(self._watch_over(self._loaded))
        return self._loaded.memory

    async def generate(self, request: GenerationRequest) -> AsyncGenerator[TokenChunk, None]:
        """Stream an answer. See `Engine.generate`."""
        loaded = self._require_loaded()
        if not loaded.writes:
            raise InvalidRequestError(
                f"{request.model_id} gives vectors and writes no text: choose another model.",
                param="model",
            )
        turn = await self._helper.run(loaded.prompts.any_turn, request)
        for check in turn.checks:
            await loaded.grammars.compiled(check)
        matchers = [await loaded.grammars.compiled(each) for each in turn.constraints]
        sequence = await self._helper.run(loaded.prompts.sequence, request, turn, matchers)
        if sequence.scores is None and (echo := sequence.echo()):
            yield echo
        with self._counters.counting(sequence):
            async with aclosing(self._answer(sequence)) as chunks:
                async for chunk in chunks:
                    yield chunk
                    if chunk.finish_reason:
                        return

    async def embed(self, request: EmbeddingRequest) -> Embeddings:
        """Read texts for their vectors. See `Engine.embed`."""
        loaded = self._require_loaded()
        if loaded.writes:
            return await super().embed(request)
        texts = await self._helper.run(loaded.inputs.texts, request)
        core = self._require_loaded().core
        vectors = await asyncio.gather(*(core.vector(text, self._new_name()) for text in texts))
        self._counters.num_prompt_tokens += sum(map(len, texts))
        return await self._helper.run(loaded.inputs.embeddings, request, texts, vectors)

    async def tokenize(self, request: TokenizeRequest) -> TokenList:
        """Say what the model would read. See `Engine.tokenize`."""
        return await self._helper.run(self._require_loaded().tokens, request)

    async def detokenize(self, request: DetokenizeRequest) -> str:
        """Say what tokens stand for. See `Engine.detokenize`."""
        return await self._helper.run(self._require_loaded().inputs.detokenized, request)

    @property
    def can_sleep(self) -> bool:
        """Whether vLLM was started so that it can. See `Engine.can_sleep`."""
        return self._loaded is not None and self._loaded.core.can_sleep

    async def sleep(self) -> None:
        """Have vLLM leave its GPUs. See `Engine.sleep`."""
        await self._require_loaded().core.sleep()

    async def wake(self) -> None:
        """Have vLLM come back to its GPUs. See `Engine.wake`."""
        await self._require_loaded().core.wake()

    async def unload(self) -> None:
        """End vLLM's processes. See `Engine.unload`."""
        if self._is_unloading:
            return
        self._is_unloading = True
        loaded, self._loaded = self._loaded, None
        if self._watch:
            self._watch.cancel()
        if loaded:
            loaded.core.fail_all()
            await self._helper.run(loaded.close)
            # those that were on their way to it when it was closed
            loaded.core.fail_all()
            await loaded.core.forget()
        if self._folder:
            await self._helper.run(partial(shutil.rmtree, self._folder, ignore_errors=True))
            await self._helper.run(return_free_pages)
        self._helper.end()

    def stats(self) -> EngineStats:
        """What was counted here."""
        return self._counters.snapshot()

    async def died(self) -> EngineDiedError:
        """Wait for vLLM's processes to end. See `Engine.died`."""
        return await self._death.get()

    async def _answer(self, sequence: Sequence) -> AsyncGenerator[TokenChunk, None]:
        """Ask vLLM until the answer has an end."""
        while True:
            core, wanted = self._require_loaded().core, sequence.wanted()
            stream = core.draw(list(sequence.tokens), wanted, self._new_name())
            async with aclosing(stream) as steps:
                async for drawn in steps:
                    self._counters.note(sequence, drawn)
                    for chunk in sequence.take_drawn(drawn):
                        yield chunk
                    if sequence.has_turned:
                        break
                else:
                    raise EngineDiedError("vLLM ended an answer before it was complete.")

    async def _follow(self, on_progress: OnProgress) -> None:
        """Tell how far a load is, which vLLM writes into its log alone."""
        path = log_path(Path(self._folder))
        on_progress(0.0)
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            on_progress(progress_in(await asyncio.to_thread(read_log, path)))

    async def _watch_over(self, loaded: Loaded) -> None:
        is_dead = False
        while not is_dead:
            await asyncio.sleep(_LOOK_EVERY_S)
            is_dead = loaded.core.is_dead
        text = await asyncio.to_thread(read_log, log_path(Path(self._folder)))
        reason = cause_in(text) or "the system may have run out of memory"
        self._death.put_nowait(EngineDiedError(f"vLLM's process ended: {reason}."))

    async def _take_back(self, starting: asyncio.Future[Loaded]) -> None:
        """Free what is loaded for somebody who has left."""
        try:
            loaded = await starting
        except (LLMError, LoadStoppedError):  # then there is nothing
            return
        await self._helper.run(loaded.close)
        await loaded.core.forget()

    async def _explained(self, error: ModelLoadError) -> ModelLoadError:
        """The failure, with the reason that only vLLM's log has."""
        cause = cause_in(await asyncio.to_thread(read_log, log_path(Path(self._folder))))
        return ModelLoadError(f"vLLM could not load the model: {cause}") if cause else error

    def _new_name(self) -> str:
        return f"jupyter-llm-{next(self._numbers)}"

    def _require_loaded(self) -> Loaded:
        if self._loaded is None:
            raise EngineDiedError("The model was unloaded before the answer began.")
        return self._loaded
