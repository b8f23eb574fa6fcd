"""Ends a download that runs in another thread, also one that waits for bytes."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import Any

_OPENED = ("connect_tcp.complete", "start_tls.complete")


class Stop:
    """Set once, by any thread; the requests of `extensions` are then cut off at once.

    httpx itself looks up only when bytes come or its time is over.
    """

    def __init__(self) -> None:
        self._is_set = threading.Event()
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []

    @property
    def extensions(self) -> dict[str, Any]:
        """For each request that is to end with this."""
        return {"trace": self._note}

    def set(self) -> None:
        """Stop."""
        with self._lock:
            self._is_set.set()
            for each in self._sockets:
                _cut(each)

    def is_set(self) -> bool:
        """Whether it was told to stop."""
        return self._is_set.is_set()

    def wait(self, timeout_s: float) -> None:
        """Until it is told to stop, for `timeout_s` at most."""
        self._is_set.wait(timeout_s)

    def _note(self, event: str, info: dict[str, Any]) -> None:
        """What httpcore tells of a request; a connection that has just been made matters."""
        if not event.endswith(_OPENED):
            return
        opened = info["return_value"].get_extra_info("socket")
        with self._lock:
            self._sockets = [each for each in self._sockets if each.fileno() >= 0] + [opened]
            if self._is_set.is_set():
                _cut(opened)


def _cut(connection: socket.socket) -> None:
    """Wake whoever waits for it; it is theirs to close."""
    # one that has been closed, or wrapped for TLS
    with suppress(OSError):
        # the socket's own: that of TLS would take its state away under the reader
        socket.socket.shutdown(connection, socket.SHUT_RDWR)
