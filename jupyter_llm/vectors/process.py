"""The embedded vector database as the server sees it: a process that is there when it is needed."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import signal
import socket
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from jupyter_llm.errors import EngineUnavailableError, VectorStoreError
from jupyter_llm.processes.child import child_environment, describe_end, python_command
from jupyter_llm.vectors.address import Address

MODULE = "jupyter_llm.vectors.embedded.main"
INSTALL = "pip install 'jupyter-llm[vectors]'"

START_TIMEOUT_S = 60.0
COOLDOWN_S = 5.0
"""After a start that failed, for so long there is no other."""

_READY = b"ready\n"
_LOCKED = 75
_EXIT_S = 5.0
_MAX_OUTPUT_BYTES = 16 << 10


@dataclass(frozen=True, kw_only=True, slots=True)
class EmbeddedSettings:
    """`folder` holds the data; an index is built after `index_after_bytes` of vectors."""

    folder: Path
    index_after_bytes: int = 10 << 20


class EmbeddedProcess:
    """Starts the process at its first use, and again after it has died."""

    def __init__(self, settings: EmbeddedSettings) -> None:
        self._settings = settings
        self._starting: asyncio.Task[_Running] | None = None
        self._running: _Running | None = None
        self._sockets: str | None = None
        self._num_starts = 0
        self._failure: VectorStoreError | None = None
        self._failed_at = 0.0

    @property
    def pid(self) -> int | None:
        """The process id, while there is one."""
        return self._running.pid if self._running and self._running.is_alive else None

    async def address(self) -> Address:
        """Where it answers, started if need be.

        Raises:
            EngineUnavailableError: What it needs is not installed.
            VectorStoreError: It does not start; the message says why.
        """
        if self._running is not None and self._running.is_alive:
            return self._running.address
        if self._starting is None:
            self._starting = asyncio.create_task(self._start())
            self._starting.add_done_callback(self._note_start)
        # shielded: a caller who leaves does not stop the start for the others
        return (await asyncio.shield(self._starting)).address

    async def lost(self) -> None:
        """Wait a moment for the end of a process whose connection has broken."""
        if self._running is not None:
            await self._running.gone(_EXIT_S)

    async def stop(self) -> None:
        """End it; everything that was answered is on the disk."""
        if self._starting is not None:
            await asyncio.wait({self._starting})
        if self._running is not None:
            await self._running.end()
            self._running = None
        if self._sockets is not None:
            shutil.rmtree(self._sockets, ignore_errors=True)
            self._sockets = None

    def _note_start(self, starting: asyncio.Task[_Running]) -> None:
        self._starting = None
        error = None if starting.cancelled() else starting.exception()
        if isinstance(error, VectorStoreError):
            self._failure, self._failed_at = error, time.monotonic()

    async def _start(self) -> _Running:
        if self._failure and time.monotonic() - self._failed_at < COOLDOWN_S:
            raise self._failure
        if self._running is not None:
            await self._running.end()
            self._running = None
        check_installed()
        self._running = await self._started()
        self._failure = None
        return self._running

    async def _started(self) -> _Running:
        settings = self._settings
        try:
            settings.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            settings.folder.chmod(0o700)
        except OSError as error:
            raise VectorStoreError(
                f"The folder of the embedded vector database cannot be used: {error}. "
                "Set LLMExtension.vectors_dir to another one."
            ) from error
        # a path of a socket has some 100 bytes, and that of the data may have more
        self._sockets = self._sockets or tempfile.mkdtemp(prefix="jupyter-llm-")
        self._num_starts += 1
        running = await _Running.start(settings, f"{self._sockets}/{self._num_starts}")
        try:
            await running.ready()
        except BaseException:
            await running.end()
            raise
        return running


class _Running:
    """One process, from its start to its end."""

    def __init__(self, process: asyncio.subprocess.Process, address: Address, folder: Path) -> None:
        self._process = process
        self.address = address
        self._folder = folder
        self._output = bytearray()
        self._heard = asyncio.Event()
        self._listening = asyncio.create_task(self._listen())

    @classmethod
    async def start(cls, settings: EmbeddedSettings, socket_path: str) -> _Running:
        """Start it with a socket that listens: it is of this process, and gone with it."""
        key = secrets.token_urlsafe(32)
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
            listening.bind(socket_path)
            listening.listen(128)
            process = await asyncio.create_subprocess_exec(
                *python_command(
                    MODULE,
                    str(settings.folder),
                    str(listening.fileno()),
                    str(settings.index_after_bytes),
                    str(os.getpid()),
                ),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                env=child_environment(os.environ),
                pass_fds=(listening.fileno(),),
                process_group=0,
            )
        if process.stdin is not None:
            process.stdin.write(f"{key}\n".encode())
        address = Address(url="http://vectors", socket_path=socket_path, api_key=key)
        return cls(process, address, settings.folder)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        return self._process.returncode is None

    async def ready(self) -> None:
        """Wait until it answers.

        Raises:
            VectorStoreError: It has ended before, or takes too long.
        """
        try:
            await asyncio.wait_for(self._heard.wait(), START_TIMEOUT_S)
        except TimeoutError:
            raise VectorStoreError(
                f"The embedded vector database has not started in {START_TIMEOUT_S:.0f} s."
            ) from None
        if _READY not in self._output:
            raise VectorStoreError(await self._why())

    async def gone(self, timeout_s: float) -> None:
        """Wait for its end, so long at most."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._process.wait(), timeout_s)

    async def _why(self) -> str:
        status = await self._process.wait()
        if status == _LOCKED:
            return (
                f"Another server uses the embedded vector database in {self._folder}. Stop that "
                "one, or give this one a folder of its own: LLMExtension.vectors_dir."
            )
        said = self._output.decode(errors="replace").strip().splitlines()[-1:]
        ended = describe_end(status, "")
        return f"The embedded vector database {ended}. {' '.join(said)}".strip()

    async def end(self) -> None:
        """See that it ends, by force if it must be, and everything that it has started."""
        self._signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(self._process.wait(), _EXIT_S)
        except TimeoutError:
            self._signal(signal.SIGKILL)
            await self._process.wait()
        self._listening.cancel()
        if self._process.stdin is not None:
            self._process.stdin.close()
        with suppress(asyncio.CancelledError):
            await self._listening
        if self.address.socket_path:
            with suppress(FileNotFoundError):
                os.unlink(self.address.socket_path)  # noqa: PTH108 - a socket of ours, at once

    def _signal(self, number: signal.Signals) -> None:
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)

    async def _listen(self) -> None:
        """Hear that it is ready, keep the end of what it says, and its pipe from filling up."""
        if self._process.stdout is None:
            return
        while data := await self._process.stdout.read(4096):
            self._output += data
            if _READY in self._output:
                self._heard.set()
            del self._output[:-_MAX_OUTPUT_BYTES]
        self._heard.set()


def check_installed() -> None:
    """See that the engine is installed.

    Raises:
        EngineUnavailableError: It is not; the message has the command that installs it.
    """
    if find_spec("qdrant_edge") is None:
        raise EngineUnavailableError(
            f"The embedded vector database is not installed. Install it: {INSTALL}"
        )
