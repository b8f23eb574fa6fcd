"""One process of the embedded vector database, from its start to its end."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import socket
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from jupyter_llm.errors import VectorStoreError
from jupyter_llm.processes.child import child_environment, describe_end, python_command
from jupyter_llm.vectors.address import Address

MODULE = "jupyter_llm.vectors.embedded.main"

START_TIMEOUT_S = 60.0
EXIT_S = 5.0

_READY = b"ready\n"
_LOCKED = 75
_MAX_OUTPUT_BYTES = 16 << 10


@dataclass(frozen=True, kw_only=True, slots=True)
class EmbeddedSettings:
    """`folder` holds the data; an index is built after `index_after_bytes` of vectors."""

    folder: Path
    index_after_bytes: int = 10 << 20


class Running:
    """One process, from its start to its end."""

    def __init__(self, process: asyncio.subprocess.Process, address: Address, folder: Path) -> None:
        self._process = process
        self.address = address
        self._folder = folder
        self._output = bytearray()
        self._heard = asyncio.Event()
        self._listening = asyncio.create_task(self._listen())

    @classmethod
    async def start(cls, settings: EmbeddedSettings, socket_path: str) -> Running:
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
        """The process id."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether it has not ended, as far as is known."""
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
            await asyncio.wait_for(self._process.wait(), EXIT_S)
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
