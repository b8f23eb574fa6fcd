"""The folder of all collections, which one process at a time may use."""

from __future__ import annotations

import fcntl
import shutil
import time
from http import HTTPStatus
from pathlib import Path
from typing import IO
from uuid import uuid4

from jupyter_llm.vectors.embedded.bodies import VectorParams
from jupyter_llm.vectors.embedded.collection import Collection
from jupyter_llm.vectors.embedded.layout import ABOUT, clear
from jupyter_llm.vectors.embedded.refusals import Refusal, bad
from jupyter_llm.vectors.names import is_name

LOCK_WAIT_S = 5.0
"""How long another process may take to end, as that of a server that is started again."""

_HIDDEN = "."


class Folder:
    """Makes, finds, opens and removes collections, each a folder by its name.

    A folder with a dot in front is one that is not there yet, or no longer.
    """

    def __init__(self, path: Path, index_after_bytes: int) -> None:
        self._path = path / "collections"
        self._index_after_bytes = index_after_bytes
        self._open: dict[str, Collection] = {}
        self._path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = _locked(path / "lock")
        for entry in self._path.iterdir():
            if entry.name.startswith(_HIDDEN):
                shutil.rmtree(entry, ignore_errors=True)
            elif (entry / ABOUT).exists():
                clear(entry)

    def names(self) -> list[str]:
        """The collections that there are."""
        return sorted(path.parent.name for path in self._path.glob(f"[!.]*/{ABOUT}"))

    def opened(self) -> list[Collection]:
        """Those that have been used."""
        return list(self._open.values())

    def exists(self, name: str) -> bool:
        """Whether there is one of this name."""
        return is_name(name) and (self._path / name / ABOUT).exists()

    def find(self, name: str) -> Collection:
        """The collection of this name.

        Raises:
            Refusal: There is none.
        """
        if (found := self._open.get(name)) is None:
            if not self.exists(name):
                raise Refusal(
                    HTTPStatus.NOT_FOUND, f"Not found: Collection `{name}` doesn't exist!"
                )
            found = self._open[name] = Collection(self._path / name, self._index_after_bytes)
        return found

    def create(self, name: str, vectors: VectorParams) -> None:
        """Make an empty collection, at once or not at all.

        Raises:
            Refusal: It exists, or the name is none.
        """
        if not is_name(name):
            raise bad(f"'{name}' cannot be the name of a collection.", "name")
        if self.exists(name):
            raise Refusal(
                HTTPStatus.CONFLICT, f"Wrong input: Collection `{name}` already exists!", "name"
            )
        draft = self._path / f"{_HIDDEN}{uuid4().hex}"
        draft.mkdir(mode=0o700)
        Collection.create(draft, vectors, self._index_after_bytes)
        draft.rename(self._path / name)

    def remove(self, name: str) -> bool:
        """Remove a collection; whether there was one."""
        if not self.exists(name):
            return False
        found = self._open.pop(name, None)
        waste = self._path / f"{_HIDDEN}{uuid4().hex}"
        (self._path / name).rename(waste)
        if found is not None:
            found.close()
        shutil.rmtree(waste, ignore_errors=True)
        return True

    def close(self) -> None:
        """Write everything out."""
        while self._open:
            self._open.popitem()[1].close()
        self._lock.close()


def _locked(path: Path) -> IO[str]:
    """An open file whose lock ends with this process.

    Raises:
        BlockingIOError: Another process has it.
    """
    lock = path.open("a")
    deadline = time.monotonic() + LOCK_WAIT_S
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return lock
