"""Watching a service until it runs, and what it writes until it ends."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from . import services

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jupyter_llm.types import Service

    from .client import Client

POLL_INTERVAL_S = 1.0


def started(client: Client, service: Service) -> Iterator[Service]:
    """The service again and again, until it runs or has ended."""
    yield service
    while not service.state.is_final and service.state != "running":
        time.sleep(POLL_INTERVAL_S)
        service = client.do(services.service(service.id))
        yield service


def written(client: Client, service_id: str, *, follow: bool) -> Iterator[str]:
    """What a service has written, and then what it writes until it ends."""
    part = client.do(services.log(service_id))
    yield part.text
    while follow:
        has_ended = client.do(services.service(service_id)).state.is_final
        part = client.do(services.log(service_id, part.offset))
        yield part.text
        if has_ended and not part.text:
            return
        if not part.text:
            time.sleep(POLL_INTERVAL_S)
