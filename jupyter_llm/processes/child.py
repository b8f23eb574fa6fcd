"""What every child process is given, and how its end is told to people."""

from __future__ import annotations

import re
import signal
import sys
from collections.abc import Mapping

CRASHES = (signal.SIGABRT, signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE)
"""What bad data can do to native code. SIGILL is not among them: that is a library
built for another processor."""

_SECRET_WORDS = frozenset(
    ("KEY", "TOKEN", "SECRET", "PASSWORD", "PASSWD", "PASSPHRASE", "CREDENTIALS", "AUTH")
)
_SECRET_NAME = re.compile(r"(PASSWORD|PASSWD|APIKEY|SECRET)$")
_CREDENTIALS_IN_URL = re.compile(r"://[^/\s@]+@")

_CAUSE = re.compile(
    r"GGML_ASSERT|GGML_ABORT|\.(c|cc|cpp|h|hpp|cu|m):\d+: |what\(\): |Assertion .* failed"
    r"|CUDA error|out of memory|^(MemoryError|ImportError|ModuleNotFoundError|OSError)\b"
)
_FOLDERS = re.compile(r"\S*/(?=[\w.-]+:\d+: )")
_MAX_CAUSE_CHARS = 300


def python_command(module: str, *arguments: str) -> list[str]:
    """The command that runs one of our modules with this interpreter.

    `-P` keeps the working directory out of the import path: it is the user's
    notebook folder, and a file of theirs must not stand in for a library.
    """
    return [sys.executable, "-P", "-m", module, *arguments]


def child_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """`environment` without credentials: an engine calls nobody and needs none.

    ggml would start a debugger on an assertion that fails, which delays the end
    of the process by seconds; the child must be gone at once.
    """
    kept = {name: value for name, value in environment.items() if not _is_secret(name, value)}
    return {**kept, "GGML_NO_BACKTRACE": "1"}


def _is_secret(name: str, value: str) -> bool:
    words = name.upper().split("_")
    return (
        not _SECRET_WORDS.isdisjoint(words)
        or _SECRET_NAME.search(words[-1]) is not None
        or _CREDENTIALS_IN_URL.search(value) is not None
    )


def describe_end(returncode: int, output: str) -> str:
    """What happened to a process, as the second half of a sentence about it.

    `returncode` is negative for a signal, as in `subprocess`; `output` is the end
    of what the process wrote, of which only lines that tell a cause are quoted.
    """
    cause = find_cause(output)
    return f"{_describe_exit(returncode)}: {cause}" if cause else _describe_exit(returncode)


def find_cause(output: str) -> str:
    """The last line of `output` that says why a process failed; empty where none does."""
    for line in reversed(output.splitlines()):
        if _CAUSE.search(line):
            return _FOLDERS.sub("", line.strip())[:_MAX_CAUSE_CHARS]
    return ""


def _describe_exit(returncode: int) -> str:
    if returncode >= 0:
        return f"ended with exit status {returncode}"
    name = _signal_name(-returncode)
    if returncode == -signal.SIGKILL:
        return f"was killed ({name}), as the system does when memory runs out"
    if -returncode in CRASHES or -returncode == signal.SIGILL:
        return f"crashed ({name})"
    return f"was ended ({name})"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
