"""The notebook server's language models, from a kernel or a script.

    from jupyter_llm.client import Client

    with Client() as client:
        for delta in client.chat([{"role": "user", "content": "Hello"}], model="guide"):
            print(delta.text, end="")

Imports in milliseconds: httpx is loaded by the first request.
"""

from __future__ import annotations

from .async_client import AsyncClient
from .client import Client
from .discovery import find_server
from .server import Server
from .stream import ChatDelta

__all__ = ["AsyncClient", "ChatDelta", "Client", "Server", "find_server"]
