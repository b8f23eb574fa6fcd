"""The sockets of a client, so that another thread can end what waits at them."""

from __future__ import annotations

import contextlib
import socket
from typing import Any

_CONNECTED = {
    "connection.connect_tcp.complete",
    "connection.connect_unix_socket.complete",
    "connection.start_tls.complete",
}


class Sockets:
    """Collects the sockets of requests that carry `trace` as their extension.

    Closing a socket does not wake a thread that reads from it; shutting it down does.
    """

    def __init__(self) -> None:
        self._last: Any = None

    def trace(self, name: str, info: dict[str, Any]) -> None:
        """Take the socket of a connection that was just made; httpcore calls this."""
        if name in _CONNECTED:
            self._last = info["return_value"].get_extra_info("socket")

    def shut_down(self) -> None:
        """Let whoever waits for an answer find the connection ended."""
        if self._last is not None:
            with contextlib.suppress(OSError):
                self._last.shutdown(socket.SHUT_RDWR)
