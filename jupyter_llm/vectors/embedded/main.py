"""The process of the embedded vector database: `python -m` this module.

Its arguments are the folder, the number of an inherited socket that listens, after how many bytes
of vectors an index is built, and the process id of the server. The key that callers must have is
the first line of the standard input; it ends when that ends, or when it is told to.
"""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

from tornado.httpserver import HTTPServer

from jupyter_llm.processes.confinement import confine
from jupyter_llm.vectors.embedded.figures import Figures
from jupyter_llm.vectors.embedded.folder import Folder
from jupyter_llm.vectors.embedded.index import Indexer
from jupyter_llm.vectors.embedded.rest import application

READY = "ready\n"
LOCKED = 75
"""Exit status: another process has the folder."""

_MAX_BODY_BYTES = 1 << 30  # the server's own bound is lower


async def serve(
    folder: Folder, listening: socket.socket, key: str, *, stop_at_end_of: int | None = None
) -> None:
    """Answer those who have the key, until SIGTERM or the end of a file that is silent before."""
    loop, stopping = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stopping.set)
    if stop_at_end_of is not None:
        loop.add_reader(stop_at_end_of, stopping.set)
    indexer = Indexer(folder)
    figures = Figures(folder, indexer, version("qdrant-edge-py"))
    server = HTTPServer(
        application(folder, key, figures),
        max_body_size=_MAX_BODY_BYTES,
        max_buffer_size=_MAX_BODY_BYTES,
    )
    server.add_socket(listening)
    indexing = asyncio.create_task(indexer.run())
    sys.stdout.write(READY)
    sys.stdout.flush()
    await stopping.wait()
    server.stop()
    indexing.cancel()
    with suppress(asyncio.CancelledError):
        await indexing
    await server.close_all_connections()
    folder.close()


def main() -> None:
    """Serve until the server is gone, or says so."""
    path, descriptor, index_after_bytes, parent_pid = sys.argv[1:]
    confine(int(parent_pid))
    listening = socket.socket(fileno=int(descriptor))
    listening.set_inheritable(False)
    listening.setblocking(False)
    try:
        folder = Folder(Path(path), int(index_after_bytes))
    except BlockingIOError:
        sys.exit(LOCKED)
    key = sys.stdin.readline().strip()
    asyncio.run(serve(folder, listening, key, stop_at_end_of=sys.stdin.fileno()))


if __name__ == "__main__":
    main()
