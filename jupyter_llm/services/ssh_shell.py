"""A login node as the machine that services start from: commands, files and ports over one SSH."""

from __future__ import annotations

import asyncio
import math
import shlex
import shutil
import tempfile
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from jupyter_llm.errors import ClusterError
from jupyter_llm.services.shell import Address, Completed
from jupyter_llm.services.ssh import SshConnection, SshSettings, library

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Sequence

    from asyncssh import SSHClientConnection, SSHClientProcess, SSHListener

NUM_CHANNELS = 8
"""Commands at a time: a server takes 10 sessions of one connection as a rule, and refuses more."""

_READ_TIMEOUT_S = 30.0
_PAUSE_S = 0.05
_NO_FILE = 44
_READ = f"""[ -e "$1" ] || exit {_NO_FILE}
[ -f "$1" ] && [ -r "$1" ] || {{ echo "no file that may be read" >&2; exit 1; }}
tail -c "+$2" < "$1" | head -c "$3"
"""


class SshShell:
    """See `Shell`. Ports are reached through Unix sockets in a folder that is this account's alone.

    A socket that was given out stays the same when the connection is made anew.
    """

    def __init__(self, settings: SshSettings) -> None:
        self._ssh = SshConnection(settings, self._forward_all)
        self._channels = asyncio.Semaphore(NUM_CHANNELS)
        self._folder: Path | None = None
        self._forwards: dict[tuple[str, int], Path] = {}
        self._listeners: dict[tuple[str, int], SSHListener] = {}
        self._num_sockets = 0
        self._forwarding = asyncio.Lock()

    async def run(self, argv: Sequence[str], *, stdin: bytes = b"", timeout_s: float) -> Completed:
        """Run a command there; the account's shell sees quoted words only. See `Shell.run`."""
        if any("\0" in word for word in argv):
            raise ClusterError("A command holds a NUL byte.")
        try:
            async with (
                asyncio.timeout(timeout_s),
                self._process(_command(argv, timeout_s)) as process,
            ):
                return await self._finished(process, stdin)
        except TimeoutError:
            raise ClusterError(
                f"{shlex.quote(argv[0])} did not end on {self._host} within {timeout_s:.0f} s and "
                "was stopped."
            ) from None

    async def read(self, path: str, *, offset: int = 0, max_bytes: int) -> bytes:
        """A part of a file there. See `Shell.read`."""
        argv = ["sh", "-c", _READ, "sh", path, str(offset + 1), str(max_bytes)]
        done = await self.run(argv, timeout_s=_READ_TIMEOUT_S)
        if done.returncode == _NO_FILE:
            return b""
        if done.returncode:
            raise ClusterError(f"{path} cannot be read on {self._host}: {done.message}.")
        return done.stdout

    async def reach(self, host: str, port: int) -> Address:
        """A Unix socket that leads to the port. See `Shell.reach`."""
        connection = await self._ssh.get()
        async with self._forwarding:
            if (host, port) not in self._forwards:
                path = await self._socket_path()
                self._listeners[host, port] = await _forward(connection, path, host, port)
                self._forwards[host, port] = path
        self._ssh.hold()
        name = f"[{host}]" if ":" in host else host
        return Address(url=f"http://{name}:{port}", socket=str(self._forwards[host, port]))

    async def keep(self, ports: Collection[tuple[str, int]]) -> None:
        """End forwards to other ports, and unlink their sockets. See `Shell.keep`."""
        async with self._forwarding:
            for at in self._forwards.keys() - ports:
                if listener := self._listeners.pop(at, None):
                    listener.close()
                _remove(self._forwards.pop(at))

    async def close(self) -> None:
        """Close the connection, and leave no socket behind."""
        await self._ssh.close()
        self._forwards.clear()
        self._listeners.clear()
        if self._folder is not None:
            await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)

    @property
    def _host(self) -> str:
        return self._ssh.settings.host

    async def _finished(self, process: SSHClientProcess[bytes], stdin: bytes) -> Completed:
        with suppress(BrokenPipeError, ConnectionError):
            process.stdin.write(stdin)
            process.stdin.write_eof()
        stdout, stderr = await process.communicate()
        if process.returncode is None:
            raise ClusterError(f"The connection to {self._host} was lost while a command ran.")
        return Completed(returncode=process.returncode, stdout=stdout, stderr=stderr)

    @asynccontextmanager
    async def _process(self, command: str) -> AsyncIterator[SSHClientProcess[bytes]]:
        async with self._channels:
            process = await self._started(command)
            try:
                yield process
            finally:
                if process.returncode is None:
                    with suppress(OSError):
                        process.kill()
                process.close()

    async def _started(self, command: str) -> SSHClientProcess[bytes]:
        """A command in a channel of its own; a server that has no more of them is waited for."""
        asyncssh, pause_s = await library(), _PAUSE_S
        while True:
            connection = await self._ssh.get()
            try:
                process: SSHClientProcess[bytes] = await connection.create_process(
                    command, encoding=None
                )
            except asyncssh.ChannelOpenError:
                # refused for now, or gone with the connection: `get` then makes a new one
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, 1.0)
            except (OSError, asyncssh.Error) as error:
                raise ClusterError(f"{self._host} runs no commands: {error}.") from error
            else:
                return process

    async def _forward_all(self, connection: SSHClientConnection) -> None:
        """Lead the sockets that were given out to where they led before."""
        for (host, port), path in tuple(self._forwards.items()):
            with suppress(ClusterError):
                self._listeners[host, port] = await _forward(connection, path, host, port)

    async def _socket_path(self) -> Path:
        if self._folder is None:
            self._folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="jllm-"))
        self._num_sockets += 1
        # a path of a socket has 107 bytes at most, so no name of a host goes into it
        return self._folder / f"{self._num_sockets}.sock"


def _command(argv: Sequence[str], timeout_s: float) -> str:
    """What the account's shell is given.

    It ends there by itself: a server takes signals for few accounts, and none from a connection
    that was lost.
    """
    return shlex.join(["timeout", "-s", "KILL", str(math.ceil(timeout_s)), *argv])


async def _forward(
    connection: SSHClientConnection, path: Path, host: str, port: int
) -> SSHListener:
    _remove(path)
    try:
        return await connection.forward_local_path_to_port(str(path), host, port)
    except OSError as error:
        raise ClusterError(f"{host}:{port} cannot be reached: {error}.") from error


def _remove(path: Path) -> None:
    """Unlink a socket: it is left behind when its connection goes."""
    path.unlink(missing_ok=True)
