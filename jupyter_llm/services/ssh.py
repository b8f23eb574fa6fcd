"""One SSH connection to the machine that services start from, kept and made anew."""

from __future__ import annotations

import asyncio
import importlib
import logging
import re
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_llm.errors import ClusterError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from asyncssh import SSHClientConnection

log = logging.getLogger(__name__)

_AFTER_REFUSAL_S = 60.0

_HOST = re.compile(
    r"(?:(?P<user>[^@\s]+)@)?(?P<host>\[[0-9a-fA-F:]+\]|[^@:\s\[\]-][^@:\s]*)(?::(?P<port>\d{1,5}))?"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class SshSettings:
    """Whom to connect to, and how patiently.

    `host` is `[user@]host[:port]`, or a name of the OpenSSH configuration `config_file` (empty for
    `~/.ssh/config`), which says everything else: user, keys, known hosts, jump hosts. A peer that
    is silent for `num_silent` times `keepalive_s` is gone. After a failure the next attempt
    waits, twice as long each time, from `first_pause_s` to `longest_pause_s`; after a refusal
    longer, since some hosts shut out who is refused often.
    """

    host: str
    config_file: str = ""
    connect_timeout_s: float = 10.0
    keepalive_s: float = 5.0
    num_silent: int = 2
    first_pause_s: float = 1.0
    longest_pause_s: float = 8.0

    def arguments(self) -> dict[str, Any]:
        """What `asyncssh.connect` is called with.

        Raises:
            ClusterError: `host` is none.
        """
        if (parts := _HOST.fullmatch(self.host)) is None:
            raise ClusterError(
                f"ssh_host is {self.host!r}; give host, user@host, user@host:port, or a name of "
                "your SSH configuration."
            )
        given: dict[str, Any] = {
            "host": parts["host"].strip("[]"),
            "connect_timeout": self.connect_timeout_s,
            "login_timeout": self.connect_timeout_s,
            "keepalive_interval": self.keepalive_s,
            "keepalive_count_max": self.num_silent,
        }
        if parts["user"]:
            given["username"] = parts["user"]
        if parts["port"]:
            given["port"] = int(parts["port"])
        if self.config_file:
            given["config"] = [str(Path(self.config_file).expanduser())]
        return given


class SshConnection:
    """A connection that is made when it is first wanted, and again when it has gone.

    All who want it share one attempt. `on_connected` is called with each new connection before
    anybody has it. After `hold` it is made anew as soon as it goes, not only when it is wanted.
    """

    def __init__(
        self,
        settings: SshSettings,
        on_connected: Callable[[SSHClientConnection], Awaitable[None]],
    ) -> None:
        self.settings = settings
        self._on_connected = on_connected
        self._connection: SSHClientConnection | None = None
        self._connecting: asyncio.Task[SSHClientConnection] | None = None
        self._holding: asyncio.Task[None] | None = None
        self._num_failures = 0
        self._failure = ClusterError("")
        self._again_at = 0.0
        self._is_closed = False

    async def get(self) -> SSHClientConnection:
        """The connection that there is, or a new one.

        Raises:
            ClusterError: There is none; soon after a failure this is said without another attempt.
        """
        if self._connection is not None and not self._connection.is_closed():
            return self._connection
        if self._is_closed:
            raise ClusterError("The connection to the cluster was closed.")
        if self._connecting is None or self._connecting.done():
            if time.monotonic() < self._again_at:
                raise self._failure
            self._connecting = asyncio.create_task(self._connect(), name="ssh connect")
        # the attempt of all must outlive one who leaves
        return await asyncio.shield(self._connecting)

    def hold(self) -> None:
        """Keep it up from now on."""
        if self._holding is None and not self._is_closed:
            self._holding = asyncio.create_task(self._hold(), name="ssh hold")

    async def close(self) -> None:
        """Close it, for good."""
        self._is_closed = True
        tasks = [task for task in (self._connecting, self._holding) if task and not task.done()]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        if self._connection is not None:
            self._connection.abort()
            await self._connection.wait_closed()

    async def _hold(self) -> None:
        while True:
            try:
                connection = await self.get()
            except ClusterError:
                await asyncio.sleep(max(self._again_at - time.monotonic(), 0.05))
                continue
            await connection.wait_closed()
            log.warning("The SSH connection to %s was lost.", self.settings.host)

    async def _connect(self) -> SSHClientConnection:
        try:
            connection = await _connected(self.settings)
        except ClusterError as error:
            settings = self.settings
            pause_s = settings.first_pause_s * 2 ** min(self._num_failures, 16)
            pause_s = error.retry_after_s or min(pause_s, settings.longest_pause_s)
            self._again_at = time.monotonic() + pause_s
            self._num_failures += 1
            self._failure = error
            raise
        self._num_failures, self._connection = 0, connection
        await self._on_connected(connection)
        log.info("Connected to %s over SSH.", self.settings.host)
        return connection


async def library() -> Any:
    """The module `asyncssh`, loaded in a thread since that takes a while.

    Raises:
        ClusterError: It is not installed.
    """
    try:
        return await asyncio.to_thread(importlib.import_module, "asyncssh")
    except ImportError:
        raise ClusterError(
            "ssh_host needs asyncssh: pip install 'jupyter-llm[slurm]', then restart the server."
        ) from None


async def _connected(settings: SshSettings) -> SSHClientConnection:
    """A new connection.

    Raises:
        ClusterError: It did not come about; the message says what would help.
    """
    asyncssh = await library()
    host = settings.host
    try:
        connection: SSHClientConnection = await asyncssh.connect(**settings.arguments())
    except asyncssh.HostKeyNotVerifiable as error:
        raise ClusterError(
            f"The host key of {host} is not the one in known_hosts, or not there: {error}. Compare "
            f"it with what the cluster publishes, and run 'ssh {host}' once to accept it.",
            retry_after_s=_AFTER_REFUSAL_S,
        ) from error
    except asyncssh.PermissionDenied as error:
        raise ClusterError(
            f"{host} accepts none of your keys. 'ssh {host}' has to work without a password: load "
            "the key into your SSH agent, or name it by IdentityFile in your SSH configuration.",
            retry_after_s=_AFTER_REFUSAL_S,
        ) from error
    except (OSError, TimeoutError, ValueError, asyncssh.Error) as error:
        raise ClusterError(f"{host} cannot be reached over SSH: {_said(error)}.") from error
    return connection


def _said(error: Exception) -> str:
    with suppress(AttributeError):
        return str(error.reason).rstrip(".")  # type: ignore[attr-defined]  # of asyncssh.Error
    return str(error).rstrip(".") or "it did not answer in time"
