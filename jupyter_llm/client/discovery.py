"""Find the notebook server that this kernel belongs to.

A token is only ever paired with an address that came from the same place: the
environment the server gave its kernel, JupyterHub's own variables, or the file
that an ancestor of this process wrote. Other servers of the same user are
never looked at.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from jupyter_llm.errors import ServerNotFoundError

from .server import LOOPBACK_HOSTS, Server, server_at

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

BASE_URL = "JUPYTER_LLM_BASE_URL"
API_KEY = "JUPYTER_LLM_API_KEY"
SERVER_PID = "JUPYTER_LLM_SERVER_PID"
HUB_TOKEN = "JUPYTERHUB_API_TOKEN"  # noqa: S105  # a variable's name
HUB_URL = "JUPYTERHUB_SERVICE_URL"
HUB_PREFIX = "JUPYTERHUB_SERVICE_PREFIX"

ADVICE = """\
Start this kernel from a Jupyter server that has jupyter-llm installed \
(`jupyter server extension list` shows it), or set JUPYTER_LLM_BASE_URL \
(http://127.0.0.1:8888/llm/) and JUPYTER_LLM_API_KEY to those of a running one."""


def find_server(environ: Mapping[str, str] | None = None) -> Server:
    """The server that started this kernel.

    Args:
        environ: The variables to go by; those of this process by default.

    Raises:
        ServerNotFoundError: There is none; the message says what was looked at
            and what to do.
    """
    variables = os.environ if environ is None else environ
    looks: tuple[Callable[[Mapping[str, str]], Server | str], ...] = (
        _exported,
        _from_hub,
        _from_ancestors,
    )
    reasons = []
    for look in looks:
        found = look(variables)
        if isinstance(found, Server):
            return found
        reasons.append(f"- {found}")
    raise ServerNotFoundError(
        "\n".join(["This kernel has no Jupyter server to talk to:", *reasons, ADVICE])
    )


def _exported(environ: Mapping[str, str]) -> Server | str:
    """What the extension put into the environment of its kernels."""
    url = environ.get(BASE_URL)
    if not url:
        return f"{BASE_URL} is not set"
    if _is_stale(url, environ):
        return (
            f"{BASE_URL} is {url}, but the server that set it has stopped; "
            "a kernel started by the new server gets the new address"
        )
    token = environ.get(API_KEY) or _hub_token(url, environ)
    return server_at(url, token=token, found_by=BASE_URL)


def _is_stale(url: str, environ: Mapping[str, str]) -> bool:
    """Whether the server behind `url` is known to be gone.

    Its port may be another user's by now, and a prompt must not go there. Only
    for loopback: elsewhere process ids say nothing.
    """
    from .processes import is_ours

    pid = environ.get(SERVER_PID, "")
    local = urlsplit(url).hostname in LOOPBACK_HOSTS
    return local and pid.isdecimal() and not is_ours(int(pid))


def _hub_token(url: str, environ: Mapping[str, str]) -> str:
    """The Hub's token, where `url` is this user's own server under the Hub."""
    prefix = environ.get(HUB_PREFIX)
    if prefix and urlsplit(url).path.startswith(prefix):
        return environ.get(HUB_TOKEN, "")
    return ""


def _from_hub(environ: Mapping[str, str]) -> Server | str:
    """The single-user server that JupyterHub describes to its own processes."""
    token, url = environ.get(HUB_TOKEN), environ.get(HUB_URL)
    if not token or not url:
        return f"{HUB_TOKEN} and {HUB_URL} are not both set"
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.port:
        return f"{HUB_URL} is {url}, which names no port"
    path = (environ.get(HUB_PREFIX) or parts.path).rstrip("/")
    address = urlunsplit((parts.scheme, parts.netloc, f"{path}/llm/", "", ""))
    return server_at(address, token=token, found_by=HUB_URL)


def _from_ancestors(environ: Mapping[str, str]) -> Server | str:
    """The nearest process above this one that is a Jupyter server."""
    from .processes import ancestors
    from .serverfile import find_server_file, read_server_file

    pids = ancestors(environ.get("JPY_PARENT_PID", ""))
    for pid in pids:
        path = find_server_file(pid)
        if path is not None:
            return read_server_file(path, pid, lambda url: _hub_token(url, environ))
    return "no process above this one is a Jupyter server"
