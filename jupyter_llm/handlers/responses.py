"""`/v1/responses`: answers that are kept, and conversations that go on from them."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import msgspec
from jupyter_server.auth.decorator import authorized
from tornado import web

from jupyter_llm.errors import InvalidRequestError, RegistryError

from .auth import owner_of
from .base import LLMHandler
from .generation import GenerationHandler
from .wire.responses.request import asked_of, responses_call
from .wire.responses.stored import (
    deleted_body,
    history_of,
    input_items_body,
    page_limit,
    page_order,
    stored_response,
)
from .work import LONG_BODY_BYTES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jupyter_llm.types import GenerationRequest, TokenChunk

    from .generation import Chunks
    from .wire.call import Call
    from .wire.reply import Reply
    from .wire.responses.draft import Draft
    from .wire.responses.items import Item
    from .wire.responses.request import Asked

SAVE_TIMEOUT_S = 5.0
"""How long an answer waits to be stored, before it goes out as one that is not."""


class ResponsesHandler(GenerationHandler):
    """The next turn of a conversation, in the form of OpenAI's Responses API."""

    _asked: Asked
    _draft: Draft | None = None

    @web.authenticated
    @authorized("execute", "llm")
    async def post(self) -> None:
        """Answer in OpenAI's form, as a stream where `stream` is true."""
        self._id, self._created_at = f"resp_{uuid4().hex}", int(time.time())
        self._asked = await self.understood(asked_of)
        history = await self._history(self._asked.body.previous_response_id)
        call = await self._call(history)
        self._sampling = call.request.sampling
        await self.answer(call, self._reply)

    def generated(self, request: GenerationRequest) -> Chunks:
        """Store the response before anybody hears that it is complete."""
        chunks = super().generated(request)
        if self._asked.is_to_store and self.context.responses.keeps_any:
            return self._stored_at_end(request.model_id, chunks)
        return chunks

    async def _call(self, history: Sequence[Item]) -> Call:
        arguments = (self._asked, history, self._id, self.context.defaults)
        if history or len(self.request.body) > LONG_BODY_BYTES:
            return await asyncio.to_thread(responses_call, *arguments)
        return responses_call(*arguments)

    async def _history(self, previous_id: str | None) -> Sequence[Item]:
        if previous_id is None:
            return ()
        chain = await self.context.responses.chain(previous_id, owner_of(self))
        return await asyncio.to_thread(history_of, chain)

    async def _stored_at_end(self, model: str, chunks: Chunks) -> Chunks:
        collected: list[TokenChunk] = []
        async with aclosing(chunks):
            async for chunk in chunks:
                collected.append(chunk)
                if chunk.finish_reason:
                    await self._store(model, collected)
                yield chunk

    async def _store(self, model: str, chunks: Sequence[TokenChunk]) -> None:
        """Keep the response; without a registry it is answered as one that is not kept."""
        await self.context.response_types.ready()
        reply = self._reply(model=model)
        draft = self._drafted()
        draft.is_stored = True
        keep = partial(
            stored_response,
            self._asked,
            response_id=self._id,
            owner=owner_of(self),
            created_at=self._created_at,
        )
        stored = await asyncio.to_thread(lambda: keep(reply.whole(chunks)))
        try:
            async with asyncio.timeout(SAVE_TIMEOUT_S):
                await self.context.responses.save(stored)
        except (RegistryError, TimeoutError) as error:
            self.log.warning("A response was not stored: %s", error or "the registry is slow")
            draft.is_stored = False

    def _reply(self, **frame: Any) -> Reply:
        from .wire.responses.reply import ResponsesReply

        return ResponsesReply(self._drafted(), **frame)

    def _drafted(self) -> Draft:
        from .wire.responses.draft import Draft

        if self._draft is None:
            self._draft = Draft(
                self._asked.body,
                self._sampling,
                response_id=self._id,
                created_at=self._created_at,
            )
        return self._draft


class ResponseHandler(LLMHandler):
    """`/v1/responses/{id}`."""

    @web.authenticated
    @authorized("read", "llm")
    async def get(self, response_id: str) -> None:
        """The response as it was answered."""
        if self.get_query_argument("stream", "false") != "false":
            raise InvalidRequestError(
                "A stored response is not streamed again. Leave 'stream' out.", param="stream"
            )
        stored = await self.context.responses.get(response_id, owner_of(self))
        self.finish(stored.response)

    @web.authenticated
    @authorized("execute", "llm")
    async def delete(self, response_id: str) -> None:
        """Forget it."""
        await self.context.responses.delete(response_id, owner_of(self))
        self.finish(deleted_body(response_id))


class InputItemsHandler(LLMHandler):
    """`GET /v1/responses/{id}/input_items`."""

    @web.authenticated
    @authorized("read", "llm")
    async def get(self, response_id: str) -> None:
        """What the response was asked with, page by page."""
        limit = page_limit(self.get_query_argument("limit", ""))
        order = page_order(self.get_query_argument("order", ""))
        after = self.get_query_argument("after", "")
        stored = await self.context.responses.get(response_id, owner_of(self))
        page = input_items_body(stored, limit=limit, order=order, after=after)
        self.finish(msgspec.json.encode(page))


class CancelResponseHandler(LLMHandler):
    """`POST /v1/responses/{id}/cancel`."""

    @web.authenticated
    @authorized("execute", "llm")
    async def post(self, response_id: str) -> None:
        """Refuse: only responses in the background can be cancelled, and there are none."""
        await self.context.responses.get(response_id, owner_of(self))
        raise InvalidRequestError(
            "Only a response in the background can be cancelled, and this server has none. "
            "Close the connection of a stream to stop it.",
            param="response_id",
        )
