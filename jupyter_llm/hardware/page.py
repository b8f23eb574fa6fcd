"""A server's page in the ledger of its machine: what it says, and the file it is on."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from typing import Annotated

import msgspec
from msgspec import Meta

try:
    import fcntl
except ImportError:  # Windows has no such locks, and no machines that many share
    fcntl = None  # type: ignore[assignment]

SUFFIX = ".jupyter-llm-page"
MAX_PAGE_BYTES = 16 << 10

Bytes = Annotated[int, Meta(ge=0, le=1 << 60)]


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """What one server holds, in bytes by device.

    `unseen` is the part of `held` that the device does not count as used yet, because it
    is being loaded. `mapped` are mapped files, by their identity: the system counts them
    as cache, and those that several servers map are there once. `groups` are the control
    groups that the server is bound by. No model is named: others can read this.
    """

    pid: int
    groups: tuple[str, ...] = ("",)
    held: dict[str, Bytes] = {}
    unseen: dict[str, Bytes] = {}
    mapped: dict[str, Bytes] = {}


def is_supported() -> bool:
    """Whether this system has the locks that a ledger needs."""
    return fcntl is not None


def read_page(file: int) -> Page | None:
    """What the first line says; behind it may stand the end of an older, longer one."""
    line, newline, _ = os.pread(file, MAX_PAGE_BYTES, 0).partition(b"\n")
    try:
        return msgspec.json.decode(line, type=Page) if newline else None
    except (ValueError, RecursionError):  # msgspec's errors are ValueErrors
        return None


def is_left_over(file: int) -> bool:
    """Whether the server whose page this was is dead: the lock ends with its owner."""
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


class OwnPage:
    """The file of this server, locked as long as the server lives.

    `folder` is the descriptor of the ledger's folder, whose lock the caller has.
    """

    def __init__(self) -> None:
        self.name = ""
        self._file: int | None = None

    def write(self, folder: int, page: Page) -> None:
        """Replace what the page says, in one write: nobody reads half of it."""
        if self._file is None or not self._is_in(folder, self._file):
            self._file = self._make(folder)
        os.pwrite(self._file, msgspec.json.encode(page) + b"\n", 0)

    def close(self, folder: int) -> None:
        """Remove it."""
        if self._file is not None:
            with suppress(OSError):
                os.unlink(self.name, dir_fd=folder)
            os.close(self._file)
            self._file = None

    def _is_in(self, folder: int, file: int) -> bool:
        """Whether the open file still is the one of that name: cleaners remove old files."""
        try:
            found = os.stat(self.name, dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            return False
        return os.path.samestat(found, os.fstat(file))

    def _make(self, folder: int) -> int:
        if self._file is not None:
            os.close(self._file)
            self._file = None
        self.name = f"{os.getpid()}-{secrets.token_hex(8)}{SUFFIX}"
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        file = os.open(self.name, flags, 0o600, dir_fd=folder)
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.fchmod(file, 0o644)  # for others only now: none of them can lock it first
        return file
