"""Follows logs of services for one WebSocket."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from jupyter_llm.errors import LLMError, ServiceNotFoundError
from jupyter_llm.telemetry.events import Event

from .wire.services import log_body

if TYPE_CHECKING:
    from jupyter_llm.services.services import Services
    from jupyter_llm.telemetry.events import Subscription

_EVERY_S = 1.0


class LogFollower:
    """Puts what services write into a subscription, from the beginnings of their logs on.

    `viewer` is who may see a service, as `Services` takes it. Close it after use.
    """

    def __init__(self, services: Services, viewer: str | None, subscription: Subscription) -> None:
        self._services = services
        self._viewer = viewer
        self._subscription = subscription
        self._tasks: list[asyncio.Task[None]] = []

    def follow(self, service_ids: tuple[str, ...]) -> None:
        """Begin; what is not there, or somebody else's, is passed over in silence."""
        for service_id in service_ids:
            self._tasks.append(asyncio.create_task(self._follow(service_id)))

    def close(self) -> None:
        """Follow no more."""
        for task in self._tasks:
            task.cancel()

    async def _follow(self, service_id: str) -> None:
        offset, has_ended = 0, False
        while True:
            try:
                service = await self._services.get(service_id, self._viewer)
                text, end = await self._services.log(service_id, self._viewer, offset=offset)
            except ServiceNotFoundError:
                return
            except LLMError:
                # the cluster does not answer now
                await asyncio.sleep(_EVERY_S)
                continue
            if text:
                part = log_body(service_id, text, offset, end)
                self._subscription.put(Event(kind="service", payload=part, at=time.time()))
                offset = end
            elif has_ended:
                return
            else:
                # what it wrote last may come after it has ended
                has_ended = service.state.is_final
                await asyncio.sleep(_EVERY_S)
