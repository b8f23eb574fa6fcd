"""Which processes stand above this one, and which of them are ours."""

from __future__ import annotations

import os

import psutil


def ancestors(first_pid: str) -> list[int]:
    """Process ids from the nearest to the farthest, each once.

    Begins with `first_pid` where it is the id of a live process: Jupyter tells
    a kernel who started it, which a wrapper script between them would hide.
    """
    pids = []
    if first_pid.isdecimal() and os.name == "posix":  # elsewhere it is a handle
        pids += _line_of(int(first_pid))
    pids += _line_of(os.getpid())[1:]
    return list(dict.fromkeys(pids))


def _line_of(pid: int) -> list[int]:
    try:
        process = psutil.Process(pid)
        return [process.pid, *(parent.pid for parent in process.parents())]
    except psutil.Error:
        return []


def is_ours(pid: int) -> bool:
    """Whether `pid` is alive and runs as the user of this process."""
    try:
        process = psutil.Process(pid)
        alive = process.status() != psutil.STATUS_ZOMBIE
        return alive and process.username() == psutil.Process().username()
    except psutil.Error:
        return False


def listens_on(pid: int, port: int) -> bool:
    """Whether `pid`, a process of ours, holds the TCP port `port`."""
    try:
        connections = psutil.Process(pid).net_connections(kind="tcp")
    except psutil.Error:
        return False
    return any(
        c.status == psutil.CONN_LISTEN and c.laddr and c.laddr.port == port for c in connections
    )
