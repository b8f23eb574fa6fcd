"""The engine's process as the server sees it: frames out, frames in, and its end."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import suppress

from msgspec.msgpack import Decoder

from jupyter_llm.engines.host.frames import FrameReader, FromChild, ToChild, pack
from jupyter_llm.processes.child import child_environment, describe_end, python_command

CHILD_MODULE = "jupyter_llm.engines.host.child"

_EXIT_S = 1.0
"""How long a process may take to end once its socket is closed or it was told to."""

_MAX_OUTPUT_BYTES = 16 << 10


class EngineProcess:
    """A running child: made by `start`, reaped by `end`."""

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._process = process
        self._frames = FrameReader(reader, Decoder(FromChild))
        self._writer = writer
        self._output = bytearray()
        self._listening = asyncio.create_task(self._listen())

    @classmethod
    async def start(cls, engine_name: str) -> EngineProcess:
        """Start a process for the engine of that name.

        The socket pair has no path and no port: nobody else can reach it. A
        session of its own keeps the terminal's Ctrl-C for the server. The process
        comes last: whoever is cancelled while it starts leaves none behind.
        """
        ours, theirs = socket.socketpair()
        with theirs:
            reader, writer = await asyncio.open_unix_connection(sock=ours)
            try:
                process = await asyncio.create_subprocess_exec(
                    *python_command(
                        CHILD_MODULE, engine_name, str(theirs.fileno()), str(os.getpid())
                    ),
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=asyncio.subprocess.STDOUT,
                    env=child_environment(os.environ),
                    pass_fds=(theirs.fileno(),),
                    start_new_session=True,
                )
            except BaseException:
                writer.close()
                raise
        return cls(process, reader, writer)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def send(self, frame: ToChild) -> None:
        """Send a frame; one to a process that is gone goes nowhere."""
        if not self._writer.is_closing():
            self._writer.write(pack(frame))

    async def drain(self) -> None:
        """Wait until the process has taken most of what was sent."""
        with suppress(ConnectionError):
            await self._writer.drain()

    async def frames(self) -> AsyncIterator[FromChild]:
        """Everything that the process says, until it is gone.

        Raises:
            msgspec.MsgspecError: It says something that is no frame.
        """
        with suppress(EOFError, ConnectionError):
            while True:
                yield await self._frames.read()

    async def end(self, grace_s: float) -> str:
        """See that the process ends, by force after `grace_s`; returns how it did, in words.

        It is reaped then, and its memory free.
        """
        await self._wait_or(signal.SIGTERM, grace_s)
        await self._wait_or(signal.SIGKILL, _EXIT_S)
        returncode = await self._process.wait()
        with suppress(TimeoutError):  # a grandchild may hold the pipe open
            await asyncio.wait_for(self._listening, _EXIT_S)
        self._writer.close()
        return describe_end(returncode, self._output.decode(errors="replace"))

    async def _wait_or(self, number: signal.Signals, patience_s: float) -> None:
        try:
            await asyncio.wait_for(self._process.wait(), patience_s)
        except TimeoutError:
            self._signal(number)

    def _signal(self, number: signal.Signals) -> None:
        """Signal the process and all that it started, unless it is reaped already."""
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)

    async def _listen(self) -> None:
        """Keep the end of what the process writes, and its pipe from filling up."""
        if self._process.stdout is None:
            return
        while data := await self._process.stdout.read(4096):
            self._output += data
            del self._output[:-_MAX_OUTPUT_BYTES]
