"""Builds the indexes of collections that have grown, each in a process of its own.

The engine would answer nobody meanwhile: it holds the interpreter's lock for the minute that an
index of some 100,000 points can take.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from contextlib import suppress
from pathlib import Path

from jupyter_llm.processes.child import child_environment, python_command
from jupyter_llm.processes.confinement import confine
from jupyter_llm.vectors.embedded.collection import Collection
from jupyter_llm.vectors.embedded.folder import Folder
from jupyter_llm.vectors.embedded.layout import open_copy
from jupyter_llm.vectors.embedded.refusals import engine_errors

MODULE = "jupyter_llm.vectors.embedded.index"

QUIET_S = 1.0
"""No write for so long, and the index is built: while points come in, it would be too small."""

MAX_WAIT_S = 60.0
_LOOK_S = 0.25
_NICENESS = 10
_RETRY_S = 60.0


class Indexer:
    """Looks after the collections of a folder, one at a time."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._not_before = 0.0
        self.busy: Collection | None = None

    async def run(self) -> None:
        """Build indexes for ever."""
        while True:
            await asyncio.sleep(_LOOK_S)
            for collection in self._folder.opened():
                if self._is_due(collection):
                    await self._build(collection)

    def _is_due(self, collection: Collection) -> bool:
        now = time.monotonic()
        if now < self._not_before or not collection.wants_index():
            collection.waiting_since = None
            return False
        collection.waiting_since = collection.waiting_since or now
        is_quiet = now - collection.written_at > QUIET_S
        return is_quiet or now - collection.waiting_since > MAX_WAIT_S

    async def _build(self, collection: Collection) -> None:
        self.busy = collection
        try:
            with engine_errors(None):
                path = await collection.copy()
                await _build_in(path, collection.index_after_bytes)
                await collection.take_over()
        except Exception as error:  # noqa: BLE001 - a full disk, or the collection is gone
            sys.stderr.write(f"The index of {collection.folder.name} was not built: {error}\n")
            sys.stderr.flush()
            self._not_before = time.monotonic() + _RETRY_S
            with suppress(OSError):
                await collection.forget_copy()
        finally:
            self.busy = None


async def _build_in(path: Path, index_after_bytes: int) -> None:
    process = await asyncio.create_subprocess_exec(
        *python_command(MODULE, str(path), str(index_after_bytes), str(os.getpid())),
        stdin=asyncio.subprocess.DEVNULL,
        env=child_environment(os.environ),
    )
    try:
        status = await process.wait()
    except asyncio.CancelledError:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        raise
    if status:
        raise RuntimeError(f"the process that builds it ended with {status}")


def main() -> None:
    """Build the index of the shard in a folder, behind whoever else wants to compute."""
    path, index_after_bytes, parent_pid = sys.argv[1:]
    confine(int(parent_pid))
    os.nice(_NICENESS)
    shard = open_copy(Path(path), int(index_after_bytes))
    while shard.optimize():
        pass
    shard.close()


if __name__ == "__main__":
    main()
