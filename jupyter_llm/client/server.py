"""A notebook server that runs this extension, as the kernel side knows it."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit, urlunsplit

LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
WILDCARD_HOSTS = frozenset({"", "*", "0.0.0.0", "::"})  # noqa: S104  # compared, not bound


@dataclass(frozen=True, kw_only=True, slots=True)
class Server:
    """Where the models are and what opens the door.

    `url` ends with `/llm/`; `token` is empty where the server asks for none;
    `found_by` says in a few words how this server was found, for messages.
    `socket_path` is the UNIX socket of a server that listens on one.
    """

    url: str
    token: str = field(default="", repr=False)
    found_by: str
    socket_path: str | None = None

    @property
    def is_local(self) -> bool:
        """Whether requests stay on this machine."""
        return self.socket_path is not None or urlsplit(self.url).hostname in LOOPBACK_HOSTS


def reachable_url(url: str) -> str:
    """`url` with a host that can be connected to, and a slash at its end.

    A server bound to every address names none: on its own machine it is
    reached through loopback.
    """
    parts = urlsplit(url)
    netloc = parts.netloc
    if (parts.hostname or "") in WILDCARD_HOSTS:
        netloc = f"127.0.0.1:{parts.port}" if parts.port else "127.0.0.1"
    return urlunsplit((parts.scheme, netloc, parts.path.rstrip("/") + "/", "", ""))


def server_at(url: str, *, token: str, found_by: str) -> Server:
    """The server whose extension answers at `url`.

    `http+unix://%2Frun%2Fjupyter.sock/base/` is how Jupyter writes the address
    of a server on a UNIX socket.
    """
    parts = urlsplit(url)
    if parts.scheme != "http+unix":
        return Server(url=reachable_url(url), token=token, found_by=found_by)
    path = parts.path.rstrip("/") + "/"
    return Server(
        url=f"http://localhost{path}",
        token=token,
        found_by=found_by,
        socket_path=unquote(parts.netloc),
    )
