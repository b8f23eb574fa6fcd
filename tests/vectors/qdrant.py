"""The embedded database on a port, where it is like a Qdrant that runs elsewhere.

Run as a script it takes a host, a port and a folder, and its key from QDRANT__SERVICE__API_KEY.
"""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from jupyter_llm.vectors.embedded.folder import Folder
from jupyter_llm.vectors.embedded.main import READY, serve

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = "the-key-of-a-qdrant"
_KEY_VARIABLE = "QDRANT__SERVICE__API_KEY"


@contextmanager
def qdrant(folder: Path) -> Iterator[str]:
    """Run one that keeps its data in `folder`; its URL. Its key is `KEY`."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with subprocess.Popen(
        [sys.executable, __file__, "127.0.0.1", str(port), str(folder)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, _KEY_VARIABLE: KEY},
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == READY
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(30)


if __name__ == "__main__":
    host, number, path = sys.argv[1:]
    with socket.create_server((host, int(number))) as listening:
        listening.setblocking(False)
        asyncio.run(serve(Folder(Path(path), 10 << 20), listening, os.environ[_KEY_VARIABLE]))
