"""An engine in a process of its own: whatever kills it, the notebook server lives."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from types import NoneType
from typing import TypeVar

from msgspec import MsgspecError

from jupyter_llm.engines.base import Engine, OnProgress
from jupyter_llm.engines.host.frames import (
    STREAM_WINDOW,
    Answered,
    Cancel,
    Consumed,
    Detokenize,
    Died,
    Embed,
    Generate,
    Load,
    Loaded,
    Probe,
    Probed,
    Progress,
    Question,
    Refused,
    Rerank,
    Sleep,
    Step,
    Tokenize,
    Unload,
    Wake,
)
from jupyter_llm.engines.host.process import EngineProcess
from jupyter_llm.engines.host.questions import Questions
from jupyter_llm.engines.host.stream import Stream
from jupyter_llm.errors import EngineDiedError, LLMError, ModelLoadError
from jupyter_llm.types import (
    DetokenizeRequest,
    EmbeddingRequest,
    Embeddings,
    EngineStats,
    GenerationRequest,
    LoadOptions,
    MemoryUse,
    Model,
    Ranking,
    RerankRequest,
    TokenChunk,
    TokenizeRequest,
    TokenList,
)

T = TypeVar("T")

UNLOAD_GRACE_S = 5.0
"""How long a process may take to unload before it is ended by force."""

_DEATH_GRACE_S = 0.5
"""How long a process that has closed its socket may take to end."""

_ACKNOWLEDGE_EVERY = STREAM_WINDOW // 2


class HostedEngine(Engine):
    """Runs the engine called `engine_name` in a child process."""

    def __init__(self, engine_name: str) -> None:
        self.name = engine_name
        self._model_id = ""
        self._process: EngineProcess | None = None
        self._following: asyncio.Task[None] | None = None
        self._unloading: asyncio.Task[str] | None = None
        self._answer: asyncio.Future[MemoryUse] | None = None
        self._on_progress: OnProgress = lambda _part: None
        self._streams: dict[int, Stream] = {}
        self._questions = Questions()
        self._numbers = itertools.count()
        self._stats = EngineStats()
        self._can_sleep = False
        self._death = ""
        self._has_died = asyncio.Event()

    async def probe(self, model: Model, options: LoadOptions) -> MemoryUse:
        """Start the process and let its engine look at `model`."""
        return await self._ask(model, Probe(model=model, options=options))

    async def load(self, model: Model, options: LoadOptions, on_progress: OnProgress) -> MemoryUse:
        """Load `model` in the process, which starts if it was not needed before."""
        self._on_progress = on_progress
        return await self._ask(model, Load(model=model, options=options))

    async def generate(self, request: GenerationRequest) -> AsyncGenerator[TokenChunk, None]:
        """Pass the request to the process and its chunks back."""
        process = self._living_process()
        number, stream = next(self._numbers), Stream()
        process.send(Generate(stream=number, request=request))
        self._streams[number] = stream
        try:
            await process.drain()
            async for num_taken, chunk in _count(stream):
                yield chunk
                if num_taken % _ACKNOWLEDGE_EVERY == 0:
                    process.send(Consumed(stream=number, num_chunks=_ACKNOWLEDGE_EVERY))
        finally:
            if self._streams.pop(number, None):
                process.send(Cancel(stream=number))

    async def embed(self, request: EmbeddingRequest) -> Embeddings:
        """Ask the process for vectors."""
        return await self._ask_process(lambda n: Embed(stream=n, request=request), Embeddings)

    async def rerank(self, request: RerankRequest) -> Ranking:
        """Ask the process for a ranking."""
        return await self._ask_process(lambda n: Rerank(stream=n, request=request), Ranking)

    async def tokenize(self, request: TokenizeRequest) -> TokenList:
        """Ask the process for tokens."""
        return await self._ask_process(lambda n: Tokenize(stream=n, request=request), TokenList)

    async def detokenize(self, request: DetokenizeRequest) -> str:
        """Ask the process for a text."""
        return await self._ask_process(lambda n: Detokenize(stream=n, request=request), str)

    @property
    def can_sleep(self) -> bool:
        """What the process said of its engine. See `Engine.can_sleep`."""
        return self._can_sleep

    async def sleep(self) -> None:
        """Have the process leave its device. See `Engine.sleep`."""
        await self._ask_process(lambda n: Sleep(stream=n), NoneType)

    async def wake(self) -> None:
        """Have the process come back to its device. See `Engine.wake`."""
        await self._ask_process(lambda n: Wake(stream=n), NoneType)

    async def unload(self) -> None:
        """Ask the process to unload and to end, and see that it does."""
        await self._end_process(grace_s=UNLOAD_GRACE_S)

    def stats(self) -> EngineStats:
        """What the process reported last, half a second ago at most."""
        return self._stats

    async def died(self) -> EngineDiedError:
        """Wait until the process has ended although nobody asked it to."""
        await self._has_died.wait()
        return EngineDiedError(self._death)

    async def _ask_process(self, question: Callable[[int], Question], kind: type[T]) -> T:
        """Pass a question on; the process stops working on it if the caller leaves."""
        process, number = self._living_process(), next(self._numbers)
        process.send(question(number))
        async with self._questions.asked(number, kind) as answer:
            try:
                await process.drain()
                return await answer()
            except asyncio.CancelledError:
                process.send(Cancel(stream=number))
                raise

    async def _ask(self, model: Model, question: Probe | Load) -> MemoryUse:
        """Wait for the answer to `question`; without a good one the process ends."""
        self._model_id = model.id
        if self._process is None:
            await self._start()
        answer: asyncio.Future[MemoryUse] = asyncio.get_running_loop().create_future()
        self._answer = answer
        self._living_process().send(question)
        try:
            return await answer
        except BaseException:
            await self._end_process(grace_s=0)
            raise

    async def _start(self) -> None:
        try:
            self._process = await EngineProcess.start(self.name)
        except OSError as error:
            raise ModelLoadError(f"No process could be started for the engine: {error}.") from error
        self._following = asyncio.create_task(self._follow(self._process))

    def _living_process(self) -> EngineProcess:
        if self._death:
            raise EngineDiedError(self._death)
        if self._process is None or self._unloading:
            raise EngineDiedError(f"The model {self._model_id!r} is not loaded.")
        return self._process

    async def _end_process(self, grace_s: float) -> None:
        """End the process in one task, however many ask; it goes on when they leave."""
        if self._process is None or self._following is None:
            return
        if self._unloading is None:
            self._process.send(Unload())
            self._unloading = asyncio.create_task(self._process.end(grace_s))
        await asyncio.shield(self._unloading)
        await asyncio.shield(self._following)

    async def _follow(self, process: EngineProcess) -> None:
        """Hand out what the process says until it is gone, then tell everyone who waits."""
        reason = ""
        try:
            async for frame in process.frames():
                if isinstance(frame, Died):
                    reason = frame.failure.message
                    break
                self._take(frame)
        except MsgspecError:
            reason = "its process sent something that is no frame"
        finally:
            how = await process.end(_DEATH_GRACE_S)
            self._conclude(reason or f"its process {how}")

    def _take(self, frame: Probed | Progress | Loaded | Refused | Step | Answered) -> None:
        match frame:
            case Step():
                self._take_step(frame)
            case Answered():
                self._questions.settle(frame.stream, frame.answer)
            case Progress():
                self._on_progress(frame.part)
            case Probed():
                self._settle(frame.memory)
            case Loaded():
                self._stats = frame.stats
                self._can_sleep = frame.can_sleep
                self._settle(frame.memory)
            case Refused():
                self._settle(frame.failure.to_error())

    def _settle(self, outcome: MemoryUse | LLMError) -> None:
        """Answer whoever waits in `_ask`, unless they left."""
        if self._answer is None or self._answer.done():
            return
        if isinstance(outcome, LLMError):
            self._answer.set_exception(outcome)
        else:
            self._answer.set_result(outcome)

    def _take_step(self, step: Step) -> None:
        if step.stats:
            self._stats = step.stats
        for number, chunk in step.chunks:
            if number in self._streams:
                self._streams[number].put(chunk)
        for number, failure in step.ends:
            if failure:
                self._questions.refuse(number, failure.to_error())
            if stream := self._streams.pop(number, None):
                stream.end(failure.to_error() if failure else None)

    def _conclude(self, how: str) -> None:
        """The process is reaped: end the load, the requests and the watch over it."""
        self._stats = EngineStats()
        sentence = f"The engine of {self._model_id!r} stopped: {how}. Send the request again."
        if self._unloading:
            sentence = f"The model {self._model_id!r} was unloaded."
        for stream in self._streams.values():
            stream.end(EngineDiedError(sentence))
        self._streams.clear()
        self._questions.refuse_all(EngineDiedError(sentence))
        self._settle(ModelLoadError(f"Loading {self._model_id!r} failed: {how}."))
        if not self._unloading:
            self._death = sentence
            self._has_died.set()


async def _count(stream: Stream) -> AsyncIterator[tuple[int, TokenChunk]]:
    number = 0
    async for chunk in stream:
        number += 1
        yield number, chunk
