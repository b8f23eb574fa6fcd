"""`GET /ws`: what happens in this server, as it happens."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from http import HTTPStatus

from jupyter_server.auth.decorator import authorized
from tornado import web
from tornado.iostream import StreamClosedError
from tornado.websocket import WebSocketClosedError, WebSocketHandler

from jupyter_llm.errors import LLMError
from jupyter_llm.telemetry.events import KINDS, Event, Subscription
from jupyter_llm.types import ModelStatus, ModelUsage, RemovedModel, Service

from .base import LLMHandler
from .errors import status_of
from .log_follower import LogFollower
from .services import viewer
from .wire.errors import known_error_body
from .wire.events import error_message, event_message, subscribed_message, wishes
from .wire.services import service_body

PING_INTERVAL_S = 30.0
"""A client that answers no ping within this time is gone."""

MAX_MESSAGE_BYTES = 16 * 1024


class EventsHandler(LLMHandler, WebSocketHandler):
    """A WebSocket that sends events to one client, of every kind until it chooses some.

    One message at a time is on its way: what a slow client does not take stays in its
    subscription, which is bounded.
    """

    _subscription: Subscription | None = None
    _sending: asyncio.Task[None] | None = None
    _logs: LogFollower | None = None

    @web.authenticated
    @authorized("read", "llm")
    async def get(self) -> None:  # type: ignore[override]  # the decorator loses the type
        """Open the WebSocket; it is refused as any request would be."""
        if self.request.headers.get("Upgrade", "").lower() != "websocket":
            raise web.HTTPError(
                HTTPStatus.UPGRADE_REQUIRED, "This is a WebSocket: connect with ws:// or wss://."
            )
        await WebSocketHandler.get(self)

    @property
    def ping_interval(self) -> float:
        """Seconds between pings; a client has as long to answer one."""
        return PING_INTERVAL_S

    @property
    def max_message_size(self) -> int:
        """The largest message that is read, in bytes."""
        return MAX_MESSAGE_BYTES

    def open(self) -> None:
        """Begin with events of every kind."""
        self._subscribe(KINDS)

    async def on_message(self, message: str | bytes) -> None:
        """Send only what the client wants from now on."""
        try:
            asked = wishes(message)
            self._subscribe(tuple(asked.subscribe), tuple(asked.follow))
        except LLMError as error:
            await self._send(error_message(known_error_body(status_of(error), error)))

    def on_close(self) -> None:
        """Forget the client."""
        self._leave()

    def _subscribe(self, kinds: tuple[str, ...], follow: tuple[str, ...] = ()) -> None:
        subscription = self.context.events.subscribe(kinds, user=self.caller.user)
        self._leave()
        self._subscription = subscription
        if "model" in subscription.kinds:
            for status in self.context.manager.loaded():
                subscription.put(Event(kind="model", payload=status, at=time.time()))
        self._logs = LogFollower(self.context.services, viewer(self), subscription)
        self._logs.follow(follow)
        self._sending = asyncio.create_task(self._send_events(subscription))

    def _leave(self) -> None:
        if self._subscription is not None:
            self._subscription.close()
        if self._logs is not None:
            self._logs.close()
        if self._sending is not None:
            self._sending.cancel()

    async def _send_events(self, subscription: Subscription) -> None:
        await self._send(subscribed_message(subscription.kinds))
        async for event in subscription:
            if self._concerns_caller(event):
                await self._send(event_message(self._for_caller(event)))
        self.close(1001, "The server is stopping.")

    def _concerns_caller(self, event: Event) -> bool:
        """Whether it tells of nothing that is hidden from them: models, services of others."""
        match event.payload:
            case Service(owner=owner):
                return viewer(self) in {None, owner}
            case ModelStatus(model=model):
                return self.context.manager.may_use(model)
            case ModelUsage(model_id=model_id) | RemovedModel(model_id=model_id):
                return self.context.manager.may_know(model_id)
        return True

    def _for_caller(self, event: Event) -> Event:
        """The event as its reader gets it, without models that the caller's key hides."""
        match event.payload:
            case Service():
                return replace(event, payload=service_body(event.payload))
            case {"models": list(models)}:
                known = [each for each in models if self.context.manager.may_know(each["id"])]
                return replace(event, payload={**event.payload, "models": known})
        return event

    async def _send(self, message: bytes) -> None:
        try:
            await self.write_message(message)
        except (StreamClosedError, WebSocketClosedError):
            self._leave()
