"""The WebSocket of the event stream: how it is opened, and what its failures mean."""

from __future__ import annotations

import json
import ssl
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from jupyter_llm.errors import ServerNotFoundError

from .events import Connection, Link

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from websockets.exceptions import InvalidStatus
    from websockets.sync.client import ClientConnection

    from .server import Server

OPEN_TIMEOUT_S = 10.0
CLOSE_TIMEOUT_S = 1.0
PING_INTERVAL_S = 20.0
MAX_MESSAGE_BYTES = 4 * 1024 * 1024
MAX_QUEUED_MESSAGES = 16

_NO_WEBSOCKETS = (
    "Live events do not get through: {why}. Something between this kernel and the server, a "
    "proxy for one, does not pass WebSockets on. What is shown does not change by itself."
)
_MAY_COME_BACK = {
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.INTERNAL_SERVER_ERROR,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
}


def opened(server: Server) -> AbstractContextManager[ClientConnection]:
    """Connect to `GET /ws` of a server, and leave when the context ends.

    Raises:
        OSError: Nothing answers.
        WebSocketException: It answers, but not with a WebSocket.
    """
    from websockets.sync.client import connect, unix_connect

    options: dict[str, Any] = {
        "additional_headers": {"Authorization": f"Bearer {server.token}"} if server.token else {},
        "open_timeout": OPEN_TIMEOUT_S,
        "close_timeout": CLOSE_TIMEOUT_S,
        "ping_interval": PING_INTERVAL_S,
        "max_size": MAX_MESSAGE_BYTES,
        "max_queue": MAX_QUEUED_MESSAGES,
    }
    address = f"ws{server.url.removeprefix('http')}ws"
    if server.socket_path is not None:
        over_unix: AbstractContextManager[ClientConnection] = unix_connect(
            server.socket_path, address, **options
        )
        return over_unix
    if address.startswith("wss:"):
        options["ssl"] = _certificates(server)
    # a proxy must not see the token
    connected: AbstractContextManager[ClientConnection] = connect(address, proxy=None, **options)
    return connected


def trouble(error: Exception) -> Connection:
    """What a failure to connect, or the end of a connection, means for who listens."""
    from websockets.exceptions import InvalidHandshake, InvalidMessage, InvalidStatus

    if isinstance(error, InvalidStatus):
        return _refusal(error)
    if isinstance(error, InvalidHandshake) and not isinstance(error, InvalidMessage):
        return Connection(link=Link.REFUSED, reason=_NO_WEBSOCKETS.format(why=str(error)))
    if isinstance(error, ServerNotFoundError):
        return Connection(link=Link.LOST, reason=error.message)
    return Connection(
        link=Link.LOST,
        reason=f"The server's events are interrupted ({error or type(error).__name__}); "
        "the connection is tried again.",
    )


def _refusal(error: InvalidStatus) -> Connection:
    status, said = error.response.status_code, _message(error)
    if status in _MAY_COME_BACK:
        reason = f"The server's events are interrupted (it answers {status}); they are tried again."
        return Connection(link=Link.LOST, reason=reason)
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        reason = (
            "The server refuses this kernel its events. If it was restarted, restart this kernel, "
            f"so that it gets the new key. {said}"
        )
        return Connection(link=Link.REFUSED, reason=reason.strip())
    if status == HTTPStatus.NOT_FOUND:
        reason = "This server has no events to tell: it does not run jupyter-llm."
        return Connection(link=Link.REFUSED, reason=reason)
    why = f"the answer was {status}"
    return Connection(link=Link.REFUSED, reason=_NO_WEBSOCKETS.format(why=why))


def _message(error: InvalidStatus) -> str:
    """The message of our own error body, if the answer has one."""
    try:
        return str(json.loads(error.response.body or b"")["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return ""


def _certificates(server: Server) -> ssl.SSLContext:
    """As for requests: on this machine a certificate proves nothing, elsewhere it must hold."""
    context = ssl.create_default_context()
    if server.is_local:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context
