"""What all notebook servers of one machine hold, in files of which only the living count.

Every server has one file in a folder that all share. It keeps a lock on that file, which
the kernel takes away when the server ends, however it ends: a file that nobody locks is
left over and counts nothing. Who decides something locks the folder itself, so that there
is one decision at a time.

Nothing in that folder is trusted, for any user can write there: what is no plain file, is
too large or not understood is passed over.
"""

from __future__ import annotations

import os
import stat
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import gettempdir
from typing import TYPE_CHECKING

from jupyter_llm.hardware.page import SUFFIX, OwnPage, Page, is_left_over, read_page

try:
    import fcntl
except ImportError:  # see page.is_supported
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from collections.abc import Iterator

TURN_TIMEOUT_S = 5.0
"""A decision takes milliseconds; whoever holds the lock longer is stopped, or means harm."""

MAX_PAGES = 4096

_LOOK_AGAIN_S = 0.005
_OPEN_TO_ALL = 0o1777


@dataclass(frozen=True, kw_only=True, slots=True)
class Neighbour:
    """Another server on this machine; `user_id` is the file's owner, as the system says."""

    user_id: int
    page: Page


def default_folder() -> Path:
    """The same folder for all users of this machine, gone with its next start."""
    shared = Path("/dev/shm")  # noqa: S108 - see Ledger on why this is safe
    return (shared if shared.is_dir() else Path(gettempdir())) / "jupyter-llm"


class Ledger:
    """One server's place in the ledger of its machine.

    The folder is made with the sticky bit, as /tmp has it: everybody may add files and
    nobody may replace those of others. Links are never followed. Methods block for little
    more than `timeout_s` and raise `OSError` where the folder cannot be used.
    """

    def __init__(self, folder: Path, *, timeout_s: float = TURN_TIMEOUT_S) -> None:
        self.folder = folder
        self._timeout_s = timeout_s
        self._own = OwnPage()

    @contextmanager
    def turn(self) -> Iterator[Turn]:
        """Decide alone: nobody else on this machine is in here meanwhile.

        A lock that somebody keeps for longer than the timeout is passed over: one server
        that is stopped must not stop all others.
        """
        folder = _open_folder(self.folder)
        try:
            _lock(folder, time.monotonic() + self._timeout_s)
            yield Turn(folder, self._own)
        finally:
            os.close(folder)  # and with it the lock

    def neighbours(self) -> list[Neighbour]:
        """The other servers, for whoever only looks: what is read may change meanwhile."""
        folder = _open_folder(self.folder)
        try:
            return [neighbour for _, neighbour in _others(folder, self._own.name) if neighbour]
        finally:
            os.close(folder)

    def close(self) -> None:
        """Hold nothing any more."""
        folder = _open_folder(self.folder)
        try:
            self._own.close(folder)
        finally:
            os.close(folder)


class Turn:
    """The time in which one server alone reads and writes."""

    def __init__(self, folder: int, own: OwnPage) -> None:
        self._folder = folder
        self._own = own

    def neighbours(self) -> list[Neighbour]:
        """The other servers that live; files of dead ones are removed where we may."""
        living: list[Neighbour] = []
        for name, neighbour in _others(self._folder, self._own.name):
            if neighbour is not None:
                living.append(neighbour)
                continue
            with suppress(OSError):
                os.unlink(name, dir_fd=self._folder)
        return living

    def write(self, page: Page) -> None:
        """Say what this server holds."""
        self._own.write(self._folder, page)


def _open_folder(path: Path) -> int:
    """A descriptor of the folder, made if need be.

    Raises:
        OSError: It cannot be used, or everybody could remove everybody's files there.
    """
    is_new = _make(path)
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        if is_new:
            os.fchmod(folder, _OPEN_TO_ALL)
        mode = os.fstat(folder).st_mode
        if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
            raise PermissionError(f"Anybody may remove files of others in {path}: chmod +t {path}")
    except OSError:
        os.close(folder)
        raise
    return folder


def _make(path: Path) -> bool:
    try:
        path.mkdir(mode=_OPEN_TO_ALL, parents=True)
    except FileExistsError:
        return False
    return True


def _lock(folder: int, deadline: float) -> None:
    while True:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return
            time.sleep(_LOOK_AGAIN_S)
        else:
            return


def _others(folder: int, own_name: str) -> Iterator[tuple[str, Neighbour | None]]:
    """The other pages that can be read, by the names of their files; `None` for dead owners."""
    names = [name for name in os.listdir(folder) if name.endswith(SUFFIX) and name != own_name]
    for name in names[:MAX_PAGES]:
        with suppress(OSError):  # what cannot be read counts nothing
            yield from _entry(name, folder)


def _entry(name: str, folder: int) -> Iterator[tuple[str, Neighbour | None]]:
    # a pipe must not be waited for, and a link not be followed
    file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    try:
        status = os.fstat(file)
        if not stat.S_ISREG(status.st_mode):
            return
        if is_left_over(file):
            yield name, None
        elif page := read_page(file):
            yield name, Neighbour(user_id=status.st_uid, page=page)
    finally:
        os.close(file)
