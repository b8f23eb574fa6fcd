"""Text from a model over HTTP: streamed or whole, and cancelled when the client leaves."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from functools import cache, partial
from http import HTTPStatus
from typing import TYPE_CHECKING

from tornado.iostream import StreamClosedError

from jupyter_llm.errors import LLMError
from jupyter_llm.manager.choices import generate_choices

from .activity import activity
from .errors import status_of
from .stream import EventStream
from .wire.errors import error_body, known_error_body
from .wire.fingerprint import fingerprint
from .work import WorkHandler

if TYPE_CHECKING:
    from jupyter_llm.types import GenerationRequest, TokenChunk

    from .wire.call import Call
    from .wire.reply import Reply

Chunks = AsyncGenerator["TokenChunk", None]
MakeReply = Callable[[], Awaitable["Reply"]]


class GenerationHandler(WorkHandler):
    """A route that answers with text from a model."""

    async def answer(self, call: Call, make_reply: Callable[..., Reply]) -> None:
        """Generate what `call` asks for and send it, until it ends or the client leaves.

        Closing the generator frees the model's slot, also in prefill.

        `make_reply` is called when the response types are imported.
        """
        await self.work(self._answer(call, make_reply))

    def generated(self, request: GenerationRequest) -> Chunks:
        """The chunks of the answer; a route may do more before the last of them."""
        return self.context.manager.generate(request)

    async def _answer(self, call: Call, make_reply: Callable[..., Reply]) -> None:
        self.context.response_types.begin()
        model = await self.context.manager.resolve(call.request.model_id)
        choices = call.choices.of_model(model.id)

        make_once = cache(
            partial(
                make_reply,
                request_id=call.request.id,
                model=model.id,
                created=int(time.time()),
                include_usage=call.include_usage,
                system_fingerprint=fingerprint(model),
            )
        )

        async def reply() -> Reply:
            await self.context.response_types.ready()
            return make_once()

        send = self._send_stream if call.stream else self._send_whole
        generated = generate_choices(self.generated, choices)
        with activity(self.settings):
            async with aclosing(self.context.metrics.observed(model, generated)) as chunks:
                await send(chunks, reply)

    async def _send_whole(self, chunks: Chunks, make_reply: MakeReply) -> None:
        collected = [chunk async for chunk in chunks]
        reply = await make_reply()
        # in a thread: thousands of log-probabilities take their time to validate
        self.finish(await asyncio.to_thread(reply.whole, collected))

    async def _send_stream(self, chunks: Chunks, make_reply: MakeReply) -> None:
        with EventStream(self) as stream:
            try:
                await _send_events(stream, chunks, make_reply)
            except Exception as error:
                if not stream.is_open or isinstance(error, StreamClosedError):
                    raise
                await stream.send((await make_reply()).failure(self._explain(error)))
        self.finish(set_content_type="text/event-stream")

    def _explain(self, error: Exception) -> bytes:
        """An error after the headers, as the body it would have had before them."""
        self.log_exception(type(error), error, error.__traceback__)
        if isinstance(error, LLMError):
            return known_error_body(status_of(error), error)
        status = HTTPStatus.INTERNAL_SERVER_ERROR
        message = "The server failed to complete the answer; its log says why."
        return error_body(status, message, param=None, code="internal_error")


async def _send_events(stream: EventStream, chunks: Chunks, make_reply: MakeReply) -> None:
    reply: Reply | None = None
    async for chunk in chunks:
        reply = reply or await make_reply()
        if events := await _events(reply, chunk):
            await stream.send(events)
    if reply and reply.ending:
        await stream.send(reply.ending)


async def _events(reply: Reply, chunk: TokenChunk) -> bytes:
    """The events of a chunk; the last ones in a thread, for they may repeat the whole answer."""
    if chunk.finish_reason:
        return await asyncio.to_thread(reply.events, chunk)
    return reply.events(chunk)
