"""Where commands of services run: on this machine, or on another one behind the same interface."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from jupyter_llm.errors import ClusterError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence


@dataclass(frozen=True, kw_only=True, slots=True)
class Completed:
    """What a command has left."""

    returncode: int
    stdout: bytes
    stderr: bytes

    @property
    def message(self) -> str:
        """What it had to say of its failure, in one line."""
        said = (self.stderr or self.stdout).decode(errors="replace").split()
        return " ".join(said)[-500:] or f"exit status {self.returncode}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Address:
    """How this process reaches an HTTP server: at `url`, through a Unix socket where one is set.

    `url` is without a slash at the end.
    """

    url: str
    socket: str | None = None


class Shell(Protocol):
    """Runs commands, reads files and reaches ports of the machine that services start from."""

    async def run(self, argv: Sequence[str], *, stdin: bytes = b"", timeout_s: float) -> Completed:
        """Run a command to its end; no shell reads `argv`, which may hold anything.

        Raises:
            ClusterError: It could not be started, did not end in time and was killed, or the
                machine is not reached.
        """
        ...

    async def read(self, path: str, *, offset: int = 0, max_bytes: int) -> bytes:
        """At most `max_bytes` of a file, from `offset` on; nothing where there is no such file.

        Raises:
            ClusterError: It cannot be read, or the machine is not reached.
        """
        ...

    async def reach(self, host: str, port: int) -> Address:
        """How to reach a port of a host as that machine sees it.

        Raises:
            ClusterError: The machine is not reached.
        """
        ...

    async def keep(self, ports: Collection[tuple[str, int]]) -> None:
        """Give back what was opened to lead to any other host and port."""
        ...

    async def close(self) -> None:
        """Give back what was opened."""
        ...


class LocalShell:
    """This machine; `env` is added to the environment of each command."""

    def __init__(self, env: Mapping[str, str] | None = None) -> None:
        self._env = dict(env or {})

    async def run(self, argv: Sequence[str], *, stdin: bytes = b"", timeout_s: float) -> Completed:
        """Run a command to its end, in a process group of its own."""
        try:
            process = await asyncio.create_subprocess_exec(
                *argv,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env={**os.environ, **self._env},
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            raise ClusterError(f"{argv[0]} could not be started: {error}.") from error
        try:
            async with asyncio.timeout(timeout_s):
                stdout, stderr = await process.communicate(stdin)
        except TimeoutError:
            raise ClusterError(
                f"{shlex.quote(argv[0])} did not end within {timeout_s:.0f} s and was stopped."
            ) from None
        finally:
            await _end(process)
        return Completed(returncode=process.returncode or 0, stdout=stdout, stderr=stderr)

    async def read(self, path: str, *, offset: int = 0, max_bytes: int) -> bytes:
        """A part of a file, read in a thread: the disk may be far away."""
        try:
            return await asyncio.to_thread(_read, Path(path), offset, max_bytes)
        except OSError as error:
            raise ClusterError(f"{path} cannot be read: {error.strerror}.") from error

    async def reach(self, host: str, port: int) -> Address:
        """The port itself: what this machine sees needs no detour."""
        return Address(url=f"http://{f'[{host}]' if ':' in host else host}:{port}")

    async def keep(self, ports: Collection[tuple[str, int]]) -> None:
        """Nothing is held."""

    async def close(self) -> None:
        """Nothing is held."""


async def _end(process: asyncio.subprocess.Process) -> None:
    """Kill what still runs, and reap it even where the caller has left."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    # its pipes, too, which something that it has started may hold open for a moment longer
    process._transport.close()  # type: ignore[attr-defined]  # noqa: SLF001 - there is no other way
    await process.wait()


def _read(path: Path, offset: int, max_bytes: int) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(offset)
            return file.read(max_bytes)
    except FileNotFoundError:
        return b""
