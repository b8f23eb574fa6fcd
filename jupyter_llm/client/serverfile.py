"""The file in which a running Jupyter server writes its address and token."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from .processes import is_ours, listens_on
from .server import WILDCARD_HOSTS, Server, server_at

if TYPE_CHECKING:
    from collections.abc import Callable


def find_server_file(pid: int) -> Path | None:
    """The file of the server with process id `pid`, if that process is one."""
    from jupyter_core.paths import jupyter_runtime_dir

    path = Path(jupyter_runtime_dir()) / f"jpserver-{pid}.json"
    return path if path.is_file() else None


def read_server_file(path: Path, pid: int, other_token: Callable[[str], str]) -> Server | str:
    """The server that `path` describes, or why it must not be trusted.

    `other_token` gives the token for an address where the file has none.
    """
    if os.name == "posix" and path.stat().st_uid != os.getuid():
        return f"{path} belongs to another user"
    if not is_ours(pid):
        return f"{path} was left behind by a server that is gone"
    try:
        info = json.loads(path.read_text())
        url, token = _address(info), str(info["token"])
    except (OSError, ValueError, KeyError, TypeError) as exc:
        return f"{path} cannot be read as a server's file ({type(exc).__name__}: {exc})"
    if not info.get("sock") and not listens_on(pid, int(info["port"])):
        return f"{path} names port {info['port']}, on which process {pid} does not listen"
    return server_at(url, token=token or other_token(url), found_by=str(path))


def _address(info: dict[str, Any]) -> str:
    """The address of the extension, on this machine where the server is on every address."""
    url = str(info["url"])
    if info["hostname"] in WILDCARD_HOSTS:
        # Jupyter writes the machine's name here, which need not resolve.
        parts = urlsplit(url)
        url = f"{parts.scheme}://127.0.0.1:{int(info['port'])}{parts.path}"
    return url.rstrip("/") + "/llm/"
