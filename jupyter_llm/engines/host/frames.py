"""What passes between an engine's process and the server.

A frame is a length of four bytes (little-endian) and a msgpack map. Each
direction has a union of tagged structs of its own, so either side refuses
whatever it does not know.
"""

from __future__ import annotations

import asyncio
from typing import Generic, TypeVar

from msgspec import DecodeError, Raw, Struct
from msgspec.msgpack import Decoder, Encoder

from jupyter_llm.engines.failure import Failure
from jupyter_llm.errors import InvalidRequestError
from jupyter_llm.types import (
    DetokenizeRequest,
    EmbeddingRequest,
    EngineStats,
    GenerationRequest,
    LoadOptions,
    MemoryUse,
    Model,
    RerankRequest,
    TokenChunk,
    TokenizeRequest,
)

MAX_FRAME_BYTES = 256 << 20

STREAM_WINDOW = 1024
"""Chunks of one request that may be on their way before the reader takes some."""

_LENGTH_BYTES = 4


class Probe(Struct, frozen=True, tag=True):
    """Say what a model would take; answered by `Probed` or `Refused`."""

    model: Model
    options: LoadOptions


class Load(Struct, frozen=True, tag=True):
    """Bring a model into memory; answered by `Progress`, then `Loaded` or `Refused`."""

    model: Model
    options: LoadOptions


class Generate(Struct, frozen=True, tag=True):
    """Start a request; `stream` is the number that its chunks come back under."""

    stream: int
    request: GenerationRequest


class Embed(Struct, frozen=True, tag=True):
    """Answered under the number of `stream` by `Answered`, or by its end with a failure."""

    stream: int
    request: EmbeddingRequest


class Rerank(Struct, frozen=True, tag=True):
    """Answered as `Embed` is."""

    stream: int
    request: RerankRequest


class Tokenize(Struct, frozen=True, tag=True):
    """Answered as `Embed` is."""

    stream: int
    request: TokenizeRequest


class Detokenize(Struct, frozen=True, tag=True):
    """Answered as `Embed` is."""

    stream: int
    request: DetokenizeRequest


class Sleep(Struct, frozen=True, tag=True):
    """Leave the device; answered by nothing."""

    stream: int


class Wake(Struct, frozen=True, tag=True):
    """Come back to the device; answered by nothing."""

    stream: int


class Consumed(Struct, frozen=True, tag=True):
    """The reader of `stream` took this many chunks: so many more may be sent."""

    stream: int
    num_chunks: int


class Cancel(Struct, frozen=True, tag=True):
    """Nobody reads `stream` any more."""

    stream: int


class Unload(Struct, frozen=True, tag=True):
    """Give the memory back and end."""


class Probed(Struct, frozen=True, tag=True):
    """What the model would take."""

    memory: MemoryUse


class Progress(Struct, frozen=True, tag=True):
    """The part of the load that is done, 0 to 1."""

    part: float


class Loaded(Struct, frozen=True, tag=True):
    """The model is ready."""

    memory: MemoryUse
    stats: EngineStats
    can_sleep: bool


class Refused(Struct, frozen=True, tag=True):
    """The model could not be probed or loaded, and is not in memory."""

    failure: Failure


class Step(Struct, frozen=True, tag=True):
    """What one step of the engine brought, by stream: chunks, then ends.

    A stream ends well without a failure. `stats` come along when they are due.
    """

    chunks: tuple[tuple[int, TokenChunk], ...] = ()
    ends: tuple[tuple[int, Failure | None], ...] = ()
    stats: EngineStats | None = None


class Answered(Struct, frozen=True, tag=True):
    """The answer to a question, as msgpack: who has asked knows of which type it is."""

    stream: int
    answer: Raw


class Died(Struct, frozen=True, tag=True):
    """The engine can serve no more, although its process lives."""

    failure: Failure


Question = Embed | Rerank | Tokenize | Detokenize | Sleep | Wake
ToChild = Probe | Load | Generate | Question | Consumed | Cancel | Unload
FromChild = Probed | Progress | Loaded | Refused | Step | Answered | Died

_Frame = TypeVar("_Frame")
_encoder = Encoder()


def pack(frame: ToChild | FromChild) -> bytes:
    """The bytes of a frame.

    Raises:
        InvalidRequestError: It is too large to travel.
    """
    body = _encoder.encode(frame)
    if len(body) > MAX_FRAME_BYTES:
        raise InvalidRequestError(
            f"The request takes {len(body)} bytes; an engine in a process of its own "
            f"accepts {MAX_FRAME_BYTES}."
        )
    return len(body).to_bytes(_LENGTH_BYTES, "little") + body


class FrameReader(Generic[_Frame]):
    """Frames of one direction from a byte stream."""

    def __init__(self, stream: asyncio.StreamReader, decoder: Decoder[_Frame]) -> None:
        self._stream = stream
        self._decoder = decoder

    async def read(self) -> _Frame:
        """The next frame.

        Raises:
            EOFError: The other side is gone (also `asyncio.IncompleteReadError`).
            ConnectionError: The other side is gone.
            msgspec.MsgspecError: The other side does not speak these frames.
        """
        length = int.from_bytes(await self._stream.readexactly(_LENGTH_BYTES), "little")
        if length > MAX_FRAME_BYTES:
            raise DecodeError(f"a frame of {length} bytes")
        return self._decoder.decode(await self._stream.readexactly(length))
