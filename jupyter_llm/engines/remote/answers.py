"""What comes from a service, as the chunks of an answer: passed on, or read."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator

from jupyter_llm.engines.remote.events import EventSplitter, data_of
from jupyter_llm.engines.remote.relay import FailedEvent, Rewriter, StreamRelay
from jupyter_llm.engines.remote.reply import ReplyReader
from jupyter_llm.errors import UpstreamError
from jupyter_llm.types import FinishReason, Relayed, TokenChunk

_WORDS = re.compile(
    rb'"(?:content|text|reasoning|reasoning_content|refusal|name|arguments)"\s*:\s*"[^"]'
)

Parts = AsyncGenerator[bytes, None]
Chunks = AsyncGenerator[TokenChunk, None]


def relayed_answer(parts: Parts, relayed: Relayed, model_id: str) -> Chunks:
    """The answer as it comes, under our name of the model.

    Raises:
        FailedEvent: The service tells of an error.
        UpstreamError: The answer is not complete.
    """
    if relayed.is_stream:
        return _streamed(parts, StreamRelay(model_id, wants_usage=relayed.wants_usage))
    return _whole(parts, Rewriter(model_id))


async def read_answer(parts: Parts) -> Chunks:
    """The answer token by token. Raises what `relayed_answer` raises."""
    splitter, reader = EventSplitter(), ReplyReader()
    async for part in parts:
        for data in data_of(splitter.feed(part)):
            for chunk in reader.read(data):
                yield chunk
    if reader.finish_reason is None:
        raise incomplete()
    yield TokenChunk(text="", finish_reason=reader.finish_reason, usage=reader.usage)


def tells(chunk: TokenChunk) -> bool:
    """Whether its reader learns something from a chunk: words, or the end."""
    if chunk.relayed and chunk.finish_reason is None:
        return _WORDS.search(chunk.relayed) is not None
    return chunk.finish_reason is not None or chunk.num_written > 0


async def _streamed(parts: Parts, relay: StreamRelay) -> Chunks:
    last = b""
    async for part in parts:
        events = relay.feed(part)
        if relay.is_done and not relay.failed:
            last = events
            break
        if events:
            yield TokenChunk(text="", relayed=events)
        if relay.failed:
            raise FailedEvent(relay.failed)
    if not relay.is_done and relay.finish_reason is None:
        raise incomplete()
    yield TokenChunk(
        text="",
        relayed=last or relay.ending,
        finish_reason=relay.finish_reason or FinishReason.STOP,
        usage=relay.usage,
    )


async def _whole(parts: Parts, rewriter: Rewriter) -> Chunks:
    answer = b"".join([part async for part in parts])
    rewriter.note_usage(answer)
    yield TokenChunk(
        text="",
        relayed=rewriter.rewrite(answer),
        finish_reason=rewriter.finish_reason or FinishReason.STOP,
        usage=rewriter.usage,
    )


def incomplete() -> UpstreamError:
    """A stream that ended before it said how."""
    return UpstreamError("The service ended its answer before it was complete.")
