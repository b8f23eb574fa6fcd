"""Where a Qdrant is, and what opens it."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, kw_only=True, slots=True)
class Address:
    """`url` is where Qdrant's paths begin; `socket_path` the Unix socket to go by, if there is one.

    `ca_file` has the certificates that an `https` server is trusted by; empty for the system's.
    """

    url: str
    socket_path: str | None = None
    api_key: str = field(default="", repr=False)
    ca_file: str = ""


class ServiceLookup(Protocol):
    """Finds vector databases that run as services."""

    def __call__(self, service_id: str, user: str | None) -> Awaitable[Address | None]:
        """Where the service of this id is; `None` if this user has no such service.

        A user of `None` has those of everybody.
        """
