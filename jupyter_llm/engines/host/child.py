"""The engine's side of the socket: `python -m` this module serves one engine.

Its arguments are the engine's name, the number of an inherited socket and the
process id of the server.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, NoReturn

from msgspec import MsgspecError, Raw
from msgspec.msgpack import Decoder, encode

from jupyter_llm.engines.base import Engine
from jupyter_llm.engines.failure import Failure
from jupyter_llm.engines.host.frames import (
    STREAM_WINDOW,
    Answered,
    Cancel,
    Consumed,
    Detokenize,
    Died,
    Embed,
    FrameReader,
    Generate,
    Load,
    Loaded,
    Probe,
    Probed,
    Question,
    Refused,
    Rerank,
    Sleep,
    ToChild,
    Tokenize,
    Unload,
    Wake,
)
from jupyter_llm.engines.host.outbox import Outbox
from jupyter_llm.engines.select import find_engine
from jupyter_llm.errors import EngineDiedError
from jupyter_llm.processes.confinement import confine, leave


@dataclass(frozen=True, slots=True)
class _Request:
    """A request that runs; `credit` is how many more chunks its reader takes."""

    task: asyncio.Task[None]
    credit: asyncio.Semaphore


class EngineServer:
    """Does what the frames say, and tells the outbox."""

    def __init__(self, engine_name: str, outbox: Outbox) -> None:
        self._engine_name = engine_name
        self._outbox = outbox
        self._engine: Engine | None = None
        self._requests: dict[int, _Request] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self, frames: FrameReader[ToChild]) -> None:
        """Act on frames until the one that says to unload; then the memory is free.

        Raises:
            EOFError: The server is gone.
            ConnectionError: The server is gone.
        """
        while not isinstance(frame := await frames.read(), Unload):
            self._take(frame)
        if self._engine:
            await self._engine.unload()

    def _take(self, frame: Probe | Load | Generate | Question | Consumed | Cancel) -> None:
        match frame:
            case Probe():
                self._start(self._probe(frame))
            case Load():
                self._start(self._load(frame))
            case Generate():
                self._begin(frame.stream, lambda credit: self._forward(frame, credit))
            case Embed() | Rerank() | Tokenize() | Detokenize() | Sleep() | Wake():
                self._begin(frame.stream, lambda _credit: self._answer(frame))
            case Consumed() if request := self._requests.get(frame.stream):
                for _ in range(frame.num_chunks):
                    request.credit.release()
            case Cancel() if request := self._requests.get(frame.stream):
                request.task.cancel()

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _probe(self, frame: Probe) -> None:
        try:
            memory = await self._made_engine().probe(frame.model, frame.options)
        except Exception as error:  # noqa: BLE001 - it is raised on the other side
            self._outbox.send(Refused(failure=Failure.of(error)))
        else:
            self._outbox.send(Probed(memory=memory))

    async def _load(self, frame: Load) -> None:
        try:
            engine = self._made_engine()
            memory = await engine.load(frame.model, frame.options, self._outbox.report_progress)
        except Exception as error:  # noqa: BLE001 - it is raised on the other side
            self._outbox.send(Refused(failure=Failure.of(error)))
            return
        loaded = Loaded(memory=memory, stats=engine.stats(), can_sleep=engine.can_sleep)
        self._outbox.send(loaded)
        self._start(self._outbox.report_stats(engine.stats))
        self._outbox.send(Died(failure=Failure.of(await engine.died())))

    def _made_engine(self) -> Engine:
        """The engine; importing it may fail, which is an answer like any other."""
        if self._engine is None:
            self._engine = find_engine(self._engine_name)()
        return self._engine

    def _begin(self, stream: int, work: Callable[[asyncio.Semaphore], Awaitable[None]]) -> None:
        credit = asyncio.Semaphore(STREAM_WINDOW)
        task = self._start(self._until_end(stream, lambda: work(credit)))
        self._requests[stream] = _Request(task, credit)
        task.add_done_callback(lambda _task: self._requests.pop(stream))
        self._outbox.expect_work()

    async def _until_end(self, stream: int, work: Callable[[], Awaitable[None]]) -> None:
        failure = None
        try:
            await work()
        except Exception as error:  # noqa: BLE001 - it is raised on the other side
            failure = Failure.of(error)
        self._outbox.end(stream, failure)

    async def _forward(self, frame: Generate, credit: asyncio.Semaphore) -> None:
        async with aclosing(self._loaded_engine().generate(frame.request)) as chunks:
            async for chunk in chunks:
                await credit.acquire()
                self._outbox.put(frame.stream, chunk)

    async def _answer(self, question: Question) -> None:
        engine = self._loaded_engine()
        answer: object = None
        match question:
            case Embed():
                answer = await engine.embed(question.request)
            case Rerank():
                answer = await engine.rerank(question.request)
            case Tokenize():
                answer = await engine.tokenize(question.request)
            case Detokenize():
                answer = await engine.detokenize(question.request)
            case Sleep():
                await engine.sleep()
            case Wake():
                await engine.wake()
        self._outbox.send(Answered(stream=question.stream, answer=Raw(encode(answer))))

    def _loaded_engine(self) -> Engine:
        if self._engine is None:
            raise EngineDiedError("No model is loaded.")
        return self._engine


async def _run(engine_name: str, descriptor: int) -> NoReturn:
    server_socket = socket.socket(fileno=descriptor)
    server_socket.set_inheritable(False)
    reader, writer = await asyncio.open_unix_connection(sock=server_socket)
    server = EngineServer(engine_name, Outbox(writer))
    try:
        await server.serve(FrameReader(reader, Decoder(ToChild)))
    except (EOFError, ConnectionError, MsgspecError):
        leave()
    os._exit(0)  # native libraries may hang or crash in the interpreter's own way out


def main() -> None:
    """Serve until told to end, or until the server is gone."""
    engine_name, descriptor, parent_pid = sys.argv[1:]
    confine(int(parent_pid))
    asyncio.run(_run(engine_name, int(descriptor)))


if __name__ == "__main__":
    main()
