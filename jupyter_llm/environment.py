"""Environment variables: those that set our defaults, and those that we set for kernels."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from jupyter_server.utils import url_path_join, urlencode_unix_socket_path

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jupyter_server.serverapp import ServerApp

BASE_URL = "JUPYTER_LLM_BASE_URL"
API_KEY = "JUPYTER_LLM_API_KEY"
# lets a kernel or a terminal that outlives this server notice: its port may be another user's then
SERVER_PID = "JUPYTER_LLM_SERVER_PID"
EXPORTED = (BASE_URL, API_KEY, SERVER_PID)

# what a server is bound to, and where it is reached from the same machine
_LOOPBACK = {"": "localhost", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})


def text(*names: str, default: str = "") -> str:
    """The first of these variables that is set and not empty."""
    return next((value for name in names if (value := os.environ.get(name, "").strip())), default)


def number(name: str, default: float) -> float:
    """The variable as a number.

    Raises:
        ValueError: It is set to something else; the message names it.
    """
    value = text(name)
    try:
        return float(value) if value else default
    except ValueError:
        raise ValueError(f"The environment variable {name} is {value!r}, not a number.") from None


def integer(name: str, default: int) -> int:
    """The variable as a whole number.

    Raises:
        ValueError: It is set to something else; the message names it.
    """
    value = text(name)
    try:
        return int(value) if value else default
    except ValueError:
        raise ValueError(
            f"The environment variable {name} is {value!r}, not a whole number."
        ) from None


def flag(name: str, *, default: bool = False) -> bool:
    """Whether the variable says yes; `default` if it is not set.

    Raises:
        ValueError: It says neither yes nor no; the message names it.
    """
    value = text(name, default=str(default)).lower()
    if value not in _TRUE | _FALSE:
        raise ValueError(f"The environment variable {name} is {value!r}; say true or false.")
    return value in _TRUE


def under_hub(app: ServerApp) -> bool:
    """Whether JupyterHub runs this server and decides who may use it.

    A server that somebody starts in a terminal of the Hub's inherits the variable,
    but not the address.
    """
    prefix = os.environ.get("JUPYTERHUB_SERVICE_PREFIX")
    is_hubs_own = prefix is not None and prefix.rstrip("/") == app.base_url.rstrip("/")
    return is_hubs_own or hasattr(app.identity_provider, "hub_auth")


def server_url(app: ServerApp) -> str:
    """The URL of `llm/` for programs on the same machine.

    Known once the server is started: until then its port may still change.
    """
    if app.sock:
        origin = f"http+unix://{urlencode_unix_socket_path(app.sock)}"
    else:
        host = _LOOPBACK.get(app.ip, app.ip)
        host = f"[{host}]" if ":" in host else host
        origin = f"{'https' if app.certfile else 'http'}://{host}:{app.port}"
    return origin + url_path_join(app.base_url, "llm")


def kernel_environment(app: ServerApp, kernel_key: str | None) -> Mapping[str, str]:
    """What kernels and terminals need to find this server and to be let in.

    Under JupyterHub there is no key: they have `JUPYTERHUB_API_TOKEN`.
    """
    found = {BASE_URL: server_url(app), SERVER_PID: str(os.getpid())}
    return {**found, API_KEY: kernel_key} if kernel_key else found
