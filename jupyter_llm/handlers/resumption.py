"""`/v1/streams/{id}`: a stream whose client left, picked up where it was."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jupyter_server.auth.decorator import authorized
from tornado import web

from jupyter_llm.errors import InvalidRequestError

from .auth import owner_of
from .generation import GenerationHandler, numbered_events

if TYPE_CHECKING:
    from .wire.reply import Reply

_MAX_DIGITS = 16


class StreamHandler(GenerationHandler):
    """One stream that was asked to be resumable."""

    @web.authenticated
    @authorized("execute", "llm")
    async def get(self, stream_id: str) -> None:
        """Send the events behind number `after`, or behind `Last-Event-ID`, and those to come."""
        replay = self.context.replays.find(stream_id, owner_of(self))
        await self.work(self.send_events(numbered_events(replay, self._after()), self._reply))

    @web.authenticated
    @authorized("execute", "llm")
    async def delete(self, stream_id: str) -> None:
        """Stop the answer, and forget it."""
        await self.context.replays.end(stream_id, owner_of(self))
        self.finish({"id": stream_id, "object": "stream", "deleted": True})

    def _after(self) -> int:
        last_id = self.request.headers.get("Last-Event-ID", "0")
        text = self.get_query_argument("after", last_id)
        if not (text.isascii() and text.isdecimal() and len(text) < _MAX_DIGITS):
            raise InvalidRequestError(
                f"'after' is {text!r}. Give the id of the last event that came, or 0 for all.",
                param="after",
            )
        return int(text)

    async def _reply(self) -> Reply:
        """What words an error after the headers, in either kind of stream alike."""
        from .wire.completion_reply import CompletionReply

        await self.context.response_types.ready()
        return CompletionReply(request_id="", model="", created=0, include_usage=False)
