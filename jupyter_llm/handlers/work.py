"""Work for one client, which ends when the client leaves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from tornado.iostream import StreamClosedError

from .base import LLMHandler

# nginx's word for a client that did not wait for its answer; it is seen in the log only
CLIENT_CLOSED_REQUEST = 499

LONG_BODY_BYTES = 32 * 1024
"""A body up to this size is understood in less than five milliseconds."""

T = TypeVar("T")


class WorkHandler(LLMHandler):
    """A route that has a model compute."""

    _track_activity = True
    _work: asyncio.Task[None] | None = None
    _client_has_left = False

    async def understood(self, parse: Callable[..., T], *args: Any) -> T:
        """What `parse` makes of the body and `args`; of a long body in a thread."""
        body = self.request.body
        if len(body) > LONG_BODY_BYTES:
            return await asyncio.to_thread(parse, body, *args)
        return parse(body, *args)

    async def work(self, work: Coroutine[Any, Any, None]) -> None:
        """Do what ends with an answer, unless the client leaves before."""
        self._work = asyncio.create_task(work)
        if self._client_has_left:
            self._work.cancel()
        try:
            await self._work
        except StreamClosedError:
            self._note_departure()
        except asyncio.CancelledError:
            if not self._client_has_left:
                raise
            self._note_departure()

    def on_connection_close(self) -> None:
        """Stop the work."""
        self._client_has_left = True
        if self._work is not None:
            self._work.cancel()

    def _note_departure(self) -> None:
        self.set_status(CLIENT_CLOSED_REQUEST, "Client Closed Request")
