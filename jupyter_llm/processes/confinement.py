"""What a child process does to itself before it touches a model. POSIX only."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

_PR_SET_PDEATHSIG = 1
_OOM_SCORE = "500"


def confine(parent_pid: int) -> None:
    """Bind this process to its parent and keep its failures small.

    It dies with the parent, writes no core file (gigabytes of weights in the
    user's folder), and offers itself to the kernel's out-of-memory killer
    before the notebook server.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        with suppress(OSError):
            Path("/proc/self/oom_score_adj").write_text(_OOM_SCORE)
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_pid:
        leave()


def leave() -> NoReturn:
    """End this process at once, with every process that it started."""
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


def limit_memory(num_bytes: int) -> None:
    """Let this process allocate `num_bytes` more than it has, where the system can hold it to that.

    What is limited is memory that can be written to: GPU drivers reserve address
    space by the terabyte, and a file that is mapped costs nothing.
    """
    if sys.platform == "linux":
        pages = int(Path("/proc/self/statm").read_text().split()[5])
        limit = pages * resource.getpagesize() + num_bytes
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


def private_bytes() -> int:
    """Memory that this process has for itself: no mapped files; 0 where nobody can say."""
    if sys.platform != "linux":
        return 0
    _size, resident, shared, *_ = map(int, Path("/proc/self/statm").read_text().split())
    return (resident - shared) * resource.getpagesize()
