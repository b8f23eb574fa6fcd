"""A live server as seen from outside any kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jupyter_llm.client import Client
from jupyter_llm.client.server import server_at

if TYPE_CHECKING:
    from live import LiveServer

    from jupyter_llm.client.server import Server


def server_of(live: LiveServer) -> Server:
    """The server as the kernel side knows it."""
    return server_at(live.url, token=live.token, found_by="test")


def client_of(live: LiveServer) -> Client:
    """A client of the server, to be closed after use."""
    return Client(server_of(live))
