"""What a model answers in one piece: vectors, rankings, tokens."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from jupyter_server.auth.decorator import authorized
from tornado import web

from .activity import activity
from .wire.embedding import embedding_body, embedding_call
from .wire.rerank import ranking_body, rerank_body, rerank_request
from .wire.tokens import (
    detokenize_request,
    text_body,
    tokenize_call,
    tokens_body,
)
from .work import WorkHandler

if TYPE_CHECKING:
    from jupyter_llm.types import DetokenizeRequest, EmbeddingRequest, TokenizeRequest

    from .wire.embedding import EncodingFormat
    from .wire.rerank import RerankBody
    from .wire.tokens import TokenizeBody


class EmbeddingsHandler(WorkHandler):
    """The vectors of texts."""

    @web.authenticated
    @authorized("execute", "llm")
    async def post(self) -> None:
        """Answer in OpenAI's form, with a vector of length 1 for each text."""
        request, encoding_format = await self.understood(embedding_call, f"embd-{uuid4().hex}")
        with activity(self.settings):
            await self.work(self._embed(request, encoding_format))

    async def _embed(self, request: EmbeddingRequest, encoding_format: EncodingFormat) -> None:
        manager = self.context.manager
        model = await manager.resolve(request.model_id)
        embeddings = await self.context.metrics.counted(
            model,
            manager.embed(replace(request, model_id=model.id)),
            lambda given: given.usage,
            user=self.caller.user,
        )
        self.finish(await asyncio.to_thread(embedding_body, embeddings, model.id, encoding_format))


class RerankHandler(WorkHandler):
    """Documents by how well they answer a query."""

    @web.authenticated
    @authorized("execute", "llm")
    async def post(self) -> None:
        """Answer in the form of Jina's and Cohere's API, most relevant first."""
        asked = await self.understood(rerank_body)
        with activity(self.settings):
            await self.work(self._rerank(asked))

    async def _rerank(self, asked: RerankBody) -> None:
        manager = self.context.manager
        model = await manager.resolve(asked.model or "")
        request = replace(rerank_request(asked, f"rerank-{uuid4().hex}"), model_id=model.id)
        ranking = await self.context.metrics.counted(
            model, manager.rerank(request), lambda given: given.usage, user=self.caller.user
        )
        self.finish(ranking_body(ranking, asked, request))


class TokenizeHandler(WorkHandler):
    """The tokens that a model reads."""

    @web.authenticated
    @authorized("execute", "llm")
    async def post(self) -> None:
        """Say what a text or a conversation is for the model, and how much of its context."""
        asked, request = await self.understood(tokenize_call)
        with activity(self.settings):
            await self.work(self._tokenize(request, asked))

    async def _tokenize(self, request: TokenizeRequest, asked: TokenizeBody) -> None:
        model = await self.context.manager.resolve(request.request.model_id)
        brought = await self.context.media.brought(request.request, model)
        named = replace(brought, model_id=model.id)
        tokens = await self.context.manager.tokenize(replace(request, request=named))
        body: dict[str, Any] = await asyncio.to_thread(tokens_body, tokens, asked)
        self.finish(body)


class DetokenizeHandler(WorkHandler):
    """The text that tokens stand for."""

    @web.authenticated
    @authorized("execute", "llm")
    async def post(self) -> None:
        """Turn token ids into text, control tokens spelled out."""
        request = await self.understood(detokenize_request)
        with activity(self.settings):
            await self.work(self._detokenize(request))

    async def _detokenize(self, request: DetokenizeRequest) -> None:
        model = await self.context.manager.resolve(request.model_id)
        text = await self.context.manager.detokenize(replace(request, model_id=model.id))
        self.finish(text_body(text))
