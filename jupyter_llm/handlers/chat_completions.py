"""`POST /v1/chat/completions`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

from jupyter_server.auth.decorator import authorized
from tornado import web

from .generation import GenerationHandler
from .wire.chat_request import chat_call
from .wire.fingerprint import fingerprint

if TYPE_CHECKING:
    from jupyter_llm.types import Model

    from .wire.call import Call
    from .wire.reply import Reply


class ChatCompletionsHandler(GenerationHandler):
    """The next turn of a conversation."""

    @web.authenticated
    @authorized("execute", "llm")
    async def post(self) -> None:
        """Answer in OpenAI's form, as a stream where `stream` is true."""
        request_id = f"chatcmpl-{uuid4().hex}"
        await self.answer_or_relay("chat/completions", request_id, chat_call, _reply)

    def frame(self, call: Call, model: Model) -> dict[str, Any]:
        """What every part of the answer says, with OpenAI's word for what computed it."""
        return {**super().frame(call, model), "system_fingerprint": fingerprint(model)}


def _reply(**frame: Any) -> Reply:
    from .wire.chat_reply import ChatReply

    return ChatReply(**frame)
