"""Waiting for services: until one runs, until it has ended, for what it writes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from . import services

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jupyter_llm.types import Service

    from .client import Client

POLL_INTERVAL_S = 1.0
STOP_TIMEOUT_S = 60.0
OFFER_TIMEOUT_S = 30.0


def started(client: Client, service: Service) -> Iterator[Service]:
    """The service again and again, until it runs and can be asked, or has ended."""
    yield service
    give_up_at: float | None = None
    while not service.state.is_final:
        if service.state == "running":
            # its model has its name a moment later, and none if something is amiss
            give_up_at = give_up_at or time.monotonic() + OFFER_TIMEOUT_S
            if service.model_id or not service.model or time.monotonic() > give_up_at:
                return
        time.sleep(POLL_INTERVAL_S)
        service = client.do(services.service(service.id))
        yield service


def stopped(client: Client, service_id: str) -> Service:
    """Stop a service; returns it as it ended, or as it is where its end takes too long."""
    client.do(services.stop(service_id))
    give_up_at = time.monotonic() + STOP_TIMEOUT_S
    while True:
        service = client.do(services.service(service_id))
        if service.state.is_final or time.monotonic() > give_up_at:
            return service
        time.sleep(POLL_INTERVAL_S)


def written(client: Client, service_id: str, *, follow: bool) -> Iterator[str]:
    """What a service has written, and, to `follow` it, what it writes until it ends."""
    offset = 0
    while True:
        has_ended = not follow or client.do(services.service(service_id)).state.is_final
        while (part := client.do(services.log(service_id, offset))).text:
            offset = part.offset
            yield part.text
        if has_ended:
            return
        time.sleep(POLL_INTERVAL_S)
