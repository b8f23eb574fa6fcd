from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from host_helpers import ECHO, ask
from msgspec.msgpack import Decoder

from jupyter_llm.engines.echo.engine import EchoEngine
from jupyter_llm.engines.failure import Failure
from jupyter_llm.engines.host import child
from jupyter_llm.engines.host.child import EngineServer
from jupyter_llm.engines.host.frames import (
    Died,
    FrameReader,
    FromChild,
    Generate,
    Load,
    Loaded,
    Refused,
    Step,
    ToChild,
    Unload,
    pack,
)
from jupyter_llm.engines.host.outbox import Outbox
from jupyter_llm.errors import (
    ContextLengthError,
    EngineDiedError,
    InsufficientMemoryError,
    InvalidRequestError,
    LLMError,
    OverloadedError,
)
from jupyter_llm.types import GenerationRequest, LoadOptions, MemoryUse, TokenChunk


class Troubled(EchoEngine):
    """Runs into whatever its request's prompt says."""

    async def generate(self, request: GenerationRequest) -> AsyncGenerator[TokenChunk, None]:
        yield TokenChunk(text="so far so good")
        raise ZeroDivisionError(request.prompt)

    async def died(self) -> EngineDiedError:
        return EngineDiedError("The worker thread ended.")


class Full(EchoEngine):
    """Does not fit."""

    async def load(self, *_: Any) -> MemoryUse:
        raise InsufficientMemoryError("It needs 9 GiB and 2 GiB are free.", param="slots")


async def converse(
    monkeypatch: pytest.MonkeyPatch, engine: EchoEngine, *frames: ToChild
) -> list[FromChild]:
    """What the child's side answers to `frames`, played without a process."""
    monkeypatch.setattr(child, "find_engine", lambda _name: lambda: engine)
    ours, theirs = socket.socketpair()
    our_reader, our_writer = await asyncio.open_unix_connection(sock=ours)
    their_reader, their_writer = await asyncio.open_unix_connection(sock=theirs)
    server = EngineServer("any", Outbox(their_writer))
    serving = asyncio.create_task(server.serve(FrameReader(their_reader, Decoder(ToChild))))
    for frame in frames:
        our_writer.write(pack(frame))
        await asyncio.sleep(0.05)
    our_writer.write(pack(Unload()))
    await serving
    their_writer.close()
    answers = await read_all(FrameReader(our_reader, Decoder(FromChild)))
    our_writer.close()
    return answers


async def read_all(reader: FrameReader[FromChild]) -> list[FromChild]:
    answers: list[FromChild] = []
    with suppress(EOFError):
        while True:
            answers.append(await reader.read())
    return answers


def kinds(frames: list[FromChild]) -> set[type]:
    return {type(frame) for frame in frames}


LOAD = Load(model=ECHO, options=LoadOptions())


def test_an_engine_that_dies_while_its_process_lives_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = asyncio.run(converse(monkeypatch, Troubled(), LOAD))
    assert Loaded in kinds(answers)
    (died,) = [frame for frame in answers if isinstance(frame, Died)]
    assert died.failure.message == "The worker thread ended."


def test_an_unforeseen_error_ends_its_request_alone_and_tells_where_it_was(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    request = Generate(stream=7, request=ask("odd"))
    answers = asyncio.run(converse(monkeypatch, Troubled(), LOAD, request))
    (step,) = [frame for frame in answers if isinstance(frame, Step) and frame.ends]
    assert step.chunks == ((7, TokenChunk(text="so far so good")),)
    ((stream, failure),) = step.ends
    assert stream == 7
    assert failure is not None
    error = failure.to_error()
    assert "ZeroDivisionError" in error.message
    assert "in generate" in error.__notes__[0]


def test_a_load_that_fails_carries_its_error(monkeypatch: pytest.MonkeyPatch) -> None:
    (answer,) = asyncio.run(converse(monkeypatch, Full(), LOAD))
    assert isinstance(answer, Refused)
    error = answer.failure.to_error()
    assert type(error) is InsufficientMemoryError
    assert error.param == "slots"


def test_a_request_before_the_load_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    request = Generate(stream=0, request=ask("early"))
    (answer,) = asyncio.run(converse(monkeypatch, EchoEngine(), request))
    assert isinstance(answer, Step)
    ((_, failure),) = answer.ends
    assert failure is not None
    assert failure.kind == "EngineDiedError"


@pytest.mark.parametrize(
    "error",
    [
        OverloadedError("busy", retry_after_s=1.5),
        ContextLengthError("too long", param="max_tokens"),
        LLMError("odd"),
    ],
)
def test_errors_survive_the_way(error: LLMError) -> None:
    sent = msgspec.msgpack.encode(Failure.of(error))
    again = msgspec.msgpack.decode(sent, type=Failure).to_error()
    assert type(again) is type(error)
    assert (again.message, again.param, again.retry_after_s) == (
        error.message,
        error.param,
        error.retry_after_s,
    )


class Wire:
    """Stands in for the socket: keeps what was written."""

    def __init__(self) -> None:
        self.frames: list[FromChild] = []

    def write(self, data: bytes) -> None:
        self.frames.append(msgspec.msgpack.decode(data[4:], type=FromChild))


def test_chunks_of_one_step_travel_in_one_frame() -> None:
    wire = Wire()

    async def run() -> None:
        outbox = Outbox(wire)  # type: ignore[arg-type]
        step = asyncio.Event()

        async def request(number: int) -> None:
            await step.wait()
            outbox.put(number, TokenChunk(text=str(number)))

        requests = [asyncio.create_task(request(number)) for number in range(8)]
        await asyncio.sleep(0)
        step.set()
        await asyncio.gather(*requests)
        await asyncio.sleep(0)

    asyncio.run(run())
    (frame,) = wire.frames
    assert isinstance(frame, Step)
    assert [number for number, _ in frame.chunks] == list(range(8))


def test_progress_is_passed_on_a_hundred_times_at_most() -> None:
    wire = Wire()

    async def run() -> None:
        outbox = Outbox(wire)  # type: ignore[arg-type]
        for number in range(1, 5001):
            outbox.report_progress(number / 5000)

    asyncio.run(run())
    assert 50 <= len(wire.frames) <= 101


def test_a_frame_that_is_too_large_is_refused_before_it_is_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("jupyter_llm.engines.host.frames.MAX_FRAME_BYTES", 1000)
    with pytest.raises(InvalidRequestError, match="1000"):
        pack(Generate(stream=1, request=ask("long " * 1000)))


def test_nonsense_on_the_socket_is_not_believed() -> None:
    async def run(data: bytes) -> None:
        stream = asyncio.StreamReader()
        stream.feed_data(data)
        stream.feed_eof()
        await FrameReader(stream, Decoder(FromChild)).read()

    with pytest.raises(msgspec.MsgspecError):
        asyncio.run(run(b"\x01\x00\x00\x00\xc1"))
    with pytest.raises(msgspec.MsgspecError):
        asyncio.run(run(b"\xff\xff\xff\xff\x00"))
    with pytest.raises(EOFError):
        asyncio.run(run(b"\x09\x00\x00\x00\x00"))
