"""`/v1/messages`: Anthropic's Messages API."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import msgspec
from jupyter_server.auth.decorator import authorized
from tornado import web

from jupyter_llm.types import TokenizeRequest

from .activity import activity
from .base import LLMHandler
from .generation import GenerationHandler
from .wire.messages.errors import anthropic_error
from .wire.messages.request import messages_call, prompt_request
from .work import WorkHandler

if TYPE_CHECKING:
    from jupyter_llm.types import GenerationRequest

    from .wire.reply import Reply


class AnthropicHandler(LLMHandler):
    """A route whose clients are Anthropic's, and so are its errors."""

    def in_form(self, status_code: int, body: bytes) -> bytes:
        """Anthropic's error body."""
        return msgspec.json.encode(anthropic_error(status_code, body))


class MessagesHandler(AnthropicHandler, GenerationHandler):
    """The next turn of a conversation, for Anthropic's clients."""

    @web.authenticated
    @authorized("execute", "llm")
    async def post(self) -> None:
        """Answer in Anthropic's form, as a stream where `stream` is true."""
        request_id = f"msg_{uuid4().hex}"
        call = await self.understood(messages_call, request_id, self.context.defaults)
        await self.answer(call, _reply)


class CountTokensHandler(AnthropicHandler, WorkHandler):
    """`POST /v1/messages/count_tokens`."""

    @web.authenticated
    @authorized("execute", "llm")
    async def post(self) -> None:
        """How many tokens the model would read; loads it where that is needed."""
        request = await self.understood(prompt_request, f"msg_{uuid4().hex}")
        with activity(self.settings):
            await self.work(self._count(request))

    async def _count(self, request: GenerationRequest) -> None:
        manager = self.context.manager
        model = await manager.resolve(request.model_id)
        named = TokenizeRequest(request=replace(request, model_id=model.id))
        tokens = await manager.tokenize(named)
        self.finish({"input_tokens": len(tokens.ids)})


def _reply(**frame: Any) -> Reply:
    from .wire.messages.reply import MessagesReply

    return MessagesReply(**frame)
