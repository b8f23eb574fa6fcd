"""The embedded vector database as the server sees it: a process that is there when it is needed."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from importlib.util import find_spec

from jupyter_llm.errors import EngineUnavailableError, VectorStoreError
from jupyter_llm.vectors.address import Address
from jupyter_llm.vectors.running import EXIT_S, EmbeddedSettings, Running

INSTALL = "pip install 'jupyter-llm[vectors]'"

COOLDOWN_S = 5.0
"""After a start that failed, for so long there is no other."""


class EmbeddedProcess:
    """Starts the process at its first use, and again after it has died."""

    def __init__(self, settings: EmbeddedSettings) -> None:
        self._settings = settings
        self._starting: asyncio.Task[Running] | None = None
        self._running: Running | None = None
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
            await self._running.gone(EXIT_S)

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

    def _note_start(self, starting: asyncio.Task[Running]) -> None:
        self._starting = None
        error = None if starting.cancelled() else starting.exception()
        if isinstance(error, VectorStoreError):
            self._failure, self._failed_at = error, time.monotonic()

    async def _start(self) -> Running:
        if self._failure and time.monotonic() - self._failed_at < COOLDOWN_S:
            raise self._failure
        if self._running is not None:
            await self._running.end()
            self._running = None
        check_installed()
        self._running = await self._started()
        self._failure = None
        return self._running

    async def _started(self) -> Running:
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
        running = await Running.start(settings, f"{self._sockets}/{self._num_starts}")
        try:
            await running.ready()
        except BaseException:
            await running.end()
            raise
        return running


def check_installed() -> None:
    """See that the engine is installed.

    Raises:
        EngineUnavailableError: It is not; the message has the command that installs it.
    """
    if find_spec("qdrant_edge") is None:
        raise EngineUnavailableError(
            f"The embedded vector database is not installed. Install it: {INSTALL}"
        )
