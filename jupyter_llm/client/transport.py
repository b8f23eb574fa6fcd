"""How requests travel, for the synchronous client and the asynchronous one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ssl

    import httpx

    from .server import Server

CONNECT_TIMEOUT_S = 5.0
READ_TIMEOUT_S = 60.0  # a stream that waits sends a comment every ten seconds or so
WORK_TIMEOUT_S = 3600.0  # of a load, or an answer in one piece; the server's own limits are shorter


def settings_for(server: Server) -> dict[str, Any]:
    """The arguments that both of httpx's clients take."""
    return {
        "base_url": server.url,
        "headers": {"Authorization": f"Bearer {server.token}"} if server.token else {},
        "timeout": timeout(READ_TIMEOUT_S),
        "trust_env": False,  # a proxy must not see the token
    }


def timeout(silence_s: float) -> httpx.Timeout:
    """So long a silence is borne; a connection has to come sooner."""
    import httpx

    return httpx.Timeout(silence_s, connect=CONNECT_TIMEOUT_S, pool=silence_s)


def verify(server: Server) -> ssl.SSLContext | bool:
    """How to check the server's certificate.

    Not at all on this machine: nobody stands in between, and a certificate
    made out to a public name never matches 127.0.0.1.
    """
    if server.is_local or server.url.startswith("http:"):
        return False
    import ssl

    return ssl.create_default_context()
