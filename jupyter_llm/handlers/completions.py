"""`POST /v1/completions`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

from jupyter_server.auth.decorator import authorized
from tornado import web

from .generation import GenerationHandler
from .wire.completion_request import completion_call
from .wire.fingerprint import fingerprint

if TYPE_CHECKING:
    from jupyter_llm.types import Model

    from .wire.call import Call
    from .wire.reply import Reply


class CompletionsHandler(GenerationHandler):
    """The text that follows a prompt."""

    @web.authenticated
    @authorized("execute", "llm")
    async def post(self) -> None:
        """Answer in OpenAI's form, as a stream where `stream` is true."""
        request_id = f"cmpl-{uuid4().hex}"
        await self.answer_or_relay("completions", request_id, completion_call, _reply)

    def frame(self, call: Call, model: Model) -> dict[str, Any]:
        """What every part of the answer says, with OpenAI's word for what computed it."""
        return {**super().frame(call, model), "system_fingerprint": fingerprint(model)}


def _reply(**frame: Any) -> Reply:
    from .wire.completion_reply import CompletionReply

    return CompletionReply(**frame)
