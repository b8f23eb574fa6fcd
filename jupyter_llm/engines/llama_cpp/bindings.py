"""llama-cpp-python's low-level bindings, imported once with the settings they need."""

from __future__ import annotations

import os
import re
from collections import deque
from collections.abc import Callable
from functools import cache
from types import ModuleType
from typing import Any

from jupyter_llm.errors import EngineUnavailableError

SPIN_COUNT = "10000"
"""Iterations a waiting OpenMP thread spins before it sleeps.

ggml's threads meet at a barrier hundreds of times per token. With libgomp's
default they spin there for milliseconds, and against a notebook kernel that
computes on the same cores a token then takes seconds; without any spinning a
token costs a fifth more. Half as many iterations already cost a lone stream a
twentieth. docs/benchmarks.md has the figures.
"""

INSTALL_HINT = "llama-cpp-python is not installed: pip install 'jupyter-llm[llama-cpp]'"

_MAX_LOG_PARTS = 2000
_DEBUG, _ERROR = 1, 4
"""Levels of `enum ggml_log_level`."""

_FUNCTION_NAMES = re.compile(r"^(?:\w+: |error loading model: )+")
"""What llama.cpp puts before a message: of use to its programmers alone."""


@cache
def load_bindings() -> ModuleType:
    """Import `llama_cpp.llama_cpp` and start its backend; the first call takes 0.3 s.

    Raises:
        EngineUnavailableError: llama-cpp-python is not installed or does not load.
    """
    try:
        with _bounded_spinning():
            from llama_cpp import llama_cpp
    except ImportError as error:
        raise EngineUnavailableError(INSTALL_HINT) from error
    except (OSError, RuntimeError) as error:
        raise EngineUnavailableError(f"llama-cpp-python does not load here: {error}") from error
    module: ModuleType = llama_cpp
    log_lines.attach(module)
    module.llama_backend_init()
    return module


@cache
def load_mtmd() -> ModuleType:
    """Import `llama_cpp.mtmd_cpp`, with which models see.

    Raises:
        EngineUnavailableError: llama-cpp-python is not installed, or without it.
    """
    load_bindings()
    try:
        from llama_cpp import mtmd_cpp
    except (ImportError, OSError, RuntimeError, FileNotFoundError) as error:
        raise EngineUnavailableError(
            f"llama-cpp-python cannot see here: {error}. Install a build with libmtmd."
        ) from error
    module: ModuleType = mtmd_cpp
    log_lines.follow(module.mtmd_helper_log_set)
    return module


class _bounded_spinning:  # noqa: N801 - reads as the statement it is used in
    """Limit OpenMP's spinning for libraries loaded inside the block.

    libgomp reads the variable when it is loaded. It must not stay in the
    environment: notebook kernels inherit that, and their numerics are theirs.
    """

    def __enter__(self) -> None:
        self._is_ours = "GOMP_SPINCOUNT" not in os.environ and "OMP_WAIT_POLICY" not in os.environ
        if self._is_ours:
            os.environ["GOMP_SPINCOUNT"] = SPIN_COUNT

    def __exit__(self, *_: object) -> None:
        if self._is_ours:
            del os.environ["GOMP_SPINCOUNT"]


class LogLines:
    """What llama.cpp logged last in this process, for readable errors.

    llama.cpp has one log callback per process, and calls it from its own
    threads; the reference kept here must outlive the library.
    """

    def __init__(self) -> None:
        self._parts: deque[tuple[int, str]] = deque(maxlen=_MAX_LOG_PARTS)
        self._callback: Any = None

    def attach(self, llama_cpp: ModuleType) -> None:
        """Take over the log of the process."""

        def on_part(level: int, text: bytes, _user_data: object) -> None:
            if level > _DEBUG:
                self._parts.append((level, text.decode(errors="replace")))

        self._callback = llama_cpp.llama_log_callback(on_part)
        self.follow(llama_cpp.llama_log_set)

    def follow(self, set_log: Callable[[Any, None], None]) -> None:
        """Take over the log of one more library of llama.cpp's."""
        set_log(self._callback, None)

    def clear(self) -> None:
        """Forget what was logged so far."""
        self._parts.clear()

    def text(self) -> str:
        """Everything kept, as it was written."""
        return "".join(text for _, text in self._parts)

    def errors(self) -> str:
        """The lines that llama.cpp itself marked as errors, in one sentence."""
        lines = [text.strip() for level, text in self._parts if level == _ERROR]
        return "; ".join(lines) or "it gave no reason"

    def first_error(self) -> str:
        """The first error since `clear`: the cause; the next tell where it was noticed."""
        errors = (text.strip() for level, text in self._parts if level == _ERROR)
        return _FUNCTION_NAMES.sub("", next(errors, "it gave no reason"))


log_lines = LogLines()
