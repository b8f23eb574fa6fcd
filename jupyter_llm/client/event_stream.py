"""The server's events, followed by one thread for all who listen in this process."""

from __future__ import annotations

import atexit
import contextlib
import json
import logging
import random
import threading
import time
from typing import TYPE_CHECKING, Any

from jupyter_llm.errors import LLMError

from .discovery import find_server
from .event_socket import opened, trouble
from .events import CONNECTION, Connection, Event, Link, Listener, event_from_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from websockets.sync.client import ClientConnection

    from .server import Server

MIN_DELAY_S = 0.5
MAX_DELAY_S = 30.0

_log = logging.getLogger(__name__)


class EventStream:
    """Follows `GET /ws` of one server while somebody listens.

    The first listener starts the thread, the last one that leaves ends it. A
    connection that breaks is made anew, after pauses that grow; one that is refused,
    or that a proxy on the way does not let through, is told and not tried again until
    somebody else listens.

    Args:
        find: Finds the server, before each attempt: it may have moved.
    """

    def __init__(self, find: Callable[[], Server] = find_server) -> None:
        self._find = find
        self._lock = threading.RLock()
        self._listeners: set[Listener] = set()
        self._thread: threading.Thread | None = None
        self._socket: ClientConnection | None = None
        self._wanted: frozenset[str] = frozenset()
        self._subscribed: frozenset[str] = frozenset()
        self._hurry = threading.Event()

    def listen(self, kinds: Iterable[str]) -> Listener:
        """Begin to hear of these kinds of events, `model` for one.

        The first event tells that the connection is open, and so does one after each
        reconnection: what was asked over HTTP from then on is not older than the events.
        """
        listener = Listener(kinds, self._leave)
        with self._lock:
            self._listeners.add(listener)
            if self._thread is None:
                self._hurry.clear()
                self._thread = threading.Thread(target=self._run, name="llm-events", daemon=True)
                self._thread.start()
            elif self._socket is None:
                self._hurry.set()
            elif listener.kinds <= self._subscribed:
                listener.put(_opened())
            else:
                self._subscribe(self._socket)
        return listener

    def close(self) -> None:
        """Close every listener, and so the connection."""
        with self._lock:
            listeners = tuple(self._listeners)
        for listener in listeners:
            listener.close()

    def _leave(self, listener: Listener) -> None:
        with self._lock:
            self._listeners.discard(listener)
            socket = None if self._listeners else self._socket
        if not self._listeners:
            self._hurry.set()
        if socket is not None:
            socket.close()

    def _run(self) -> None:
        num_failures = 0
        while self._is_wanted():
            try:
                with opened(self._find()) as socket:
                    num_failures = 0
                    self._follow(socket)
            except Exception as exc:  # noqa: BLE001  # whatever it is, the listeners are told
                if self._is_final(trouble(exc)):
                    return
            self._hurry.wait(delay_s(num_failures))
            self._hurry.clear()
            num_failures += 1

    def _is_wanted(self) -> bool:
        """Whether anybody listens; where nobody does, the thread is over for whoever comes."""
        with self._lock:
            if not self._listeners:
                self._thread = None
            return bool(self._listeners)

    def _is_final(self, connection: Connection) -> bool:
        """Tell how the connection is; where it is refused, the thread is over."""
        with self._lock:
            self._tell(Event(kind=CONNECTION, data=connection, at=time.time()))
            if connection.link is Link.REFUSED:
                self._thread = None
            return self._thread is None

    def _follow(self, socket: ClientConnection) -> None:
        with self._lock:
            self._socket = socket
            self._subscribe(socket)
        try:
            while self._listeners:
                self._take(json.loads(socket.recv()))
        finally:
            with self._lock:
                self._socket, self._subscribed = None, frozenset()

    def _subscribe(self, socket: ClientConnection) -> None:
        from websockets.exceptions import ConnectionClosed

        self._wanted = frozenset().union(*(listener.kinds for listener in self._listeners))
        with contextlib.suppress(ConnectionClosed):
            socket.send(json.dumps({"subscribe": sorted(self._wanted)}))

    def _take(self, message: dict[str, Any]) -> None:
        if message["type"] == "subscribed":
            self._confirm(frozenset(message["kinds"]))
        elif message["type"] == "error":
            raise LLMError(str(message["error"]["message"]))
        else:
            self._pass_on(message)

    def _confirm(self, kinds: frozenset[str]) -> None:
        with self._lock:
            if kinds != self._wanted:
                return  # of a connection that is new, or of a wish that has changed since
            self._subscribed = kinds
            self._tell(_opened())

    def _pass_on(self, message: dict[str, Any]) -> None:
        try:
            event = event_from_json(message)
        except (ValueError, TypeError) as exc:
            _log.warning("An event of the kind %r is not understood: %s", message["type"], exc)
            return
        self._tell(event)

    def _tell(self, event: Event) -> None:
        with self._lock:
            for listener in self._listeners:
                if event.kind == CONNECTION or event.kind in listener.kinds:
                    listener.put(event)


def delay_s(num_failures: int) -> float:
    """Seconds to wait after that many failures: doubled each time, and never the same twice."""
    longest: float = min(MIN_DELAY_S * 2**num_failures, MAX_DELAY_S)
    return longest * random.uniform(0.5, 1)  # noqa: S311  # no secret


def _opened() -> Event:
    return Event(kind=CONNECTION, data=Connection(link=Link.OPEN), at=time.time())


_streams: dict[Server | None, EventStream] = {}
_streams_lock = threading.Lock()


def stream_of(server: Server | None = None) -> EventStream:
    """The one stream of this process for a server; by default the one that started the kernel."""
    with _streams_lock:
        if server not in _streams:
            find = find_server if server is None else lambda: server
            _streams[server] = EventStream(find)
        return _streams[server]


@atexit.register
def _close_all() -> None:
    for stream in tuple(_streams.values()):
        stream.close()
