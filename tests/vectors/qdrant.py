"""The embedded database on a port, where it is like a Qdrant that runs elsewhere."""

from __future__ import annotations

import os
import socket
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

from jupyter_llm.processes.child import python_command
from jupyter_llm.vectors.embedded.main import READY
from jupyter_llm.vectors.process import MODULE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEY = "the-key-of-a-qdrant"


@contextmanager
def qdrant(folder: Path, *, index_after_bytes: int = 10 << 20) -> Iterator[str]:
    """Run one that keeps its data in `folder`; its URL. Its key is `KEY`."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        number = listening.fileno()
        arguments = str(folder), str(number), str(index_after_bytes), str(os.getpid())
        process = subprocess.Popen(
            python_command(MODULE, *arguments),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=(number,),
            process_group=0,
        )
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{KEY}\n".encode())
        process.stdin.flush()
        assert process.stdout.readline() == READY
        try:
            yield url
        finally:
            process.terminate()
            process.wait(30)
