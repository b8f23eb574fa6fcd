"""Text from a model over HTTP: streamed or whole, and cancelled when the client leaves."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import replace
from functools import cache, partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from tornado.iostream import StreamClosedError

from jupyter_llm.errors import LLMError
from jupyter_llm.manager.choices import generate_choices

from .activity import activity
from .auth import owner_of
from .errors import status_of
from .stream import EventStream
from .wire.errors import error_body, known_error_body
from .wire.relay import model_named, relay_call, relay_reply
from .wire.sse import events_of, numbered
from .work import WorkHandler

if TYPE_CHECKING:
    from jupyter_llm.manager.replays import Replay
    from jupyter_llm.types import GenerationRequest, Model, TokenChunk

    from .wire.call import Call
    from .wire.reply import Reply

Chunks = AsyncGenerator["TokenChunk", None]
Events = AsyncGenerator[bytes, None]
MakeReply = Callable[[], Awaitable["Reply"]]


class GenerationHandler(WorkHandler):
    """A route that answers with text from a model."""

    async def answer(self, call: Call, make_reply: Callable[..., Reply]) -> None:
        """Generate what `call` asks for and send it, until it ends or the client leaves.

        Closing the generator frees the model's slot, also in prefill.

        `make_reply` is called when the response types are imported.
        """
        await self.work(self._answer(call, make_reply))

    async def answer_or_relay(
        self,
        route: str,
        request_id: str,
        parse: Callable[..., Call],
        make_reply: Callable[..., Reply],
    ) -> None:
        """Answer what `parse` makes of the body, or have a service do it that reads the same.

        What is passed on is not understood here, and so may have fields that are unknown.
        """
        name = await self._named_for_relay()
        if name is not None and await self.context.manager.relays(name):
            relayed = await self.understood(relay_call, route, request_id, self.context.defaults)
            await self.answer(relayed, relay_reply)
            return
        await self.answer(
            await self.understood(parse, request_id, self.context.defaults), make_reply
        )

    async def _named_for_relay(self) -> str | None:
        """The model that the body names; `None` where no model could be asked as it stands."""
        return await self.understood(model_named) if self.context.manager.remotes else None

    def generated(self, request: GenerationRequest) -> Chunks:
        """The chunks of the answer; a route may do more before the last of them."""
        return self.context.manager.generate(request)

    def frame(self, call: Call, model: Model) -> dict[str, Any]:
        """What every part of the answer says; given to `make_reply`."""
        return {
            "request_id": call.request.id,
            "model": model.id,
            "created": int(time.time()),
            "include_usage": call.include_usage,
        }

    async def _answer(self, call: Call, make_reply: Callable[..., Reply]) -> None:
        is_relayed = call.request.relayed is not None
        if not is_relayed:
            self.context.response_types.begin()
        model = await self.context.manager.resolve(call.request.model_id)
        request = await self.context.media.brought(call.request, model)
        choices = replace(call, request=request).choices.of_model(model.id)

        make_once = cache(partial(make_reply, **self.frame(call, model)))

        async def reply() -> Reply:
            if not is_relayed:
                await self.context.response_types.ready()
            return make_once()

        self.set_header("X-Request-Id", call.request.id)
        generated = generate_choices(self.generated, choices)
        observed = self._observed(
            self.context.metrics.observed(model, generated, user=self.caller.user)
        )
        if call.resumable:
            await self._send_resumable(call.stream_id, observed, reply)
        elif call.stream:
            await self.send_events(_events(observed, reply), reply)
        else:
            await self._send_whole(observed, reply)

    async def _observed(self, chunks: Chunks) -> Chunks:
        """The chunks; while they come, the server is in use."""
        with activity(self.settings):
            async with aclosing(chunks):
                async for chunk in chunks:
                    yield chunk

    async def _send_whole(self, chunks: Chunks, make_reply: MakeReply) -> None:
        async with aclosing(chunks):
            collected = [chunk async for chunk in chunks]
        reply = await make_reply()
        if reply.is_ready:
            self.finish(reply.whole(collected))
            return
        # in a thread: thousands of log-probabilities take their time to validate
        self.finish(await asyncio.to_thread(reply.whole, collected))

    async def send_events(self, events: Events, make_reply: MakeReply) -> None:
        """Send a stream as it comes; what fails after its first part is its last event."""
        with EventStream(self) as stream:
            try:
                async with aclosing(events):
                    async for part in events:
                        await stream.send(part)
            except Exception as error:
                if not stream.is_open or isinstance(error, StreamClosedError):
                    raise
                await stream.send((await make_reply()).failure(self._explain(error)))
        self.finish(set_content_type="text/event-stream")

    async def _send_resumable(self, stream_id: str, chunks: Chunks, make_reply: MakeReply) -> None:
        """Let the answer run by itself, and follow it as whoever comes back does."""
        single = self._single_events(chunks, make_reply)
        replay = self.context.replays.start(stream_id, owner_of(self), single)
        await self.send_events(numbered_events(replay, 0), make_reply)

    async def _single_events(self, chunks: Chunks, make_reply: MakeReply) -> Events:
        """Events one by one; an error after the first of them is the last."""
        has_begun = False
        try:
            async with aclosing(_events(chunks, make_reply)) as events:
                async for part in events:
                    has_begun = True
                    for one in events_of(part):
                        yield one
        except Exception as error:
            if not has_begun:
                raise
            yield (await make_reply()).failure(self._explain(error))

    def _explain(self, error: Exception) -> bytes:
        """An error after the headers, as the body it would have had before them."""
        self.log_exception(type(error), error, error.__traceback__)
        if isinstance(error, LLMError):
            return known_error_body(status_of(error), error)
        status = HTTPStatus.INTERNAL_SERVER_ERROR
        message = "The server failed to complete the answer; its log says why."
        return error_body(status, message, param=None, code="internal_error")


async def numbered_events(replay: Replay, after: int) -> Events:
    """The events behind number `after` as they come, each with its number."""
    async with aclosing(replay.follow(after)) as events:
        async for number, data in events:
            yield numbered(number, data)


async def _events(chunks: Chunks, make_reply: MakeReply) -> Events:
    """The events of each chunk together, and the ending of the stream."""
    reply: Reply | None = None
    async with aclosing(chunks):
        async for chunk in chunks:
            reply = reply or await make_reply()
            if events := await _events_of_chunk(reply, chunk):
                yield events
    if reply and reply.ending:
        yield reply.ending


async def _events_of_chunk(reply: Reply, chunk: TokenChunk) -> bytes:
    """The events of a chunk; the last ones in a thread, for they may repeat the whole answer."""
    if chunk.finish_reason and not reply.is_ready:
        return await asyncio.to_thread(reply.events, chunk)
    return reply.events(chunk)
