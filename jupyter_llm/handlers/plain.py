"""`POST /api/generate`, `/api/chat`, their streams, and `/v1/extract`."""

from __future__ import annotations

from uuid import uuid4

from jupyter_server.auth.decorator import authorized
from tornado import web

from .generation import GenerationHandler
from .wire.chat_request import chat_call
from .wire.completion_request import completion_call
from .wire.extraction import ExtractReply, extract_call
from .wire.plain import PlainChatReply, PlainReply, plain_call


class _PlainHandler(GenerationHandler):
    """Text from a model in few words."""

    async def generate(self, *, stream: bool) -> None:
        """Answer a prompt."""
        call = await self.understood(completion_call, f"gen-{uuid4().hex}", self.context.defaults)
        await self.answer(plain_call(call, stream=stream), PlainReply)

    async def chat(self, *, stream: bool) -> None:
        """Answer a conversation."""
        call = await self.understood(chat_call, f"chat-{uuid4().hex}", self.context.defaults)
        await self.answer(plain_call(call, stream=stream), PlainChatReply)


class PlainGenerateHandler(_PlainHandler):
    """The text that follows a prompt, in a short form."""

    @web.authenticated
    @authorized("execute", "llm")
    async def post(self) -> None:
        """Take what `/v1/completions` takes, and answer with `text`."""
        await self.generate(stream=False)


class PlainGenerateStreamHandler(_PlainHandler):
    """The text that follows a prompt, as it comes."""

    @web.authenticated
    @authorized("execute", "llm")
    async def post(self) -> None:
        """Stream what `/api/generate` answers, in events."""
        await self.generate(stream=True)


class PlainChatHandler(_PlainHandler):
    """The next turn of a conversation, in a short form."""

    @web.authenticated
    @authorized("execute", "llm")
    async def post(self) -> None:
        """Take what `/v1/chat/completions` takes, and answer with a `message`."""
        await self.chat(stream=False)


class PlainChatStreamHandler(_PlainHandler):
    """The next turn of a conversation, as it comes."""

    @web.authenticated
    @authorized("execute", "llm")
    async def post(self) -> None:
        """Stream what `/api/chat` answers, in events."""
        await self.chat(stream=True)


class ExtractHandler(GenerationHandler):
    """Data out of a text."""

    @web.authenticated
    @authorized("execute", "llm")
    async def post(self) -> None:
        """Answer with JSON that validates against `schema`, if there is one."""
        call = await self.understood(extract_call, f"extract-{uuid4().hex}", self.context.defaults)
        await self.answer(call, ExtractReply)
