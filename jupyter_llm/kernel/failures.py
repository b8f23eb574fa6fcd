"""The last cell that failed, as one would show it to somebody who can help."""

from __future__ import annotations

import linecache
import sys
from dataclasses import dataclass
from pathlib import Path
from traceback import FrameSummary, StackSummary, TracebackException
from typing import TYPE_CHECKING

import IPython
from IPython.core.error import UsageError

from jupyter_llm.errors import LLMError

if TYPE_CHECKING:
    from IPython.core.interactiveshell import ExecutionResult, InteractiveShell

MAX_LINES = 40  # of a traceback, which deep recursions and big libraries make long
_IPYTHON = str(Path(IPython.__file__).parent)


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """A cell and what it ended with: a traceback without the frames of IPython."""

    cell: str
    report: str


class Failures:
    """Remembers the last cell of a shell that failed, as text: frames would keep memory.

    It listens to cells that end. Handlers of exceptions are the user's: none is set.
    """

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell
        self._last: Failure | None = None

    def note(self, result: ExecutionResult) -> None:
        """Take how a cell has ended; to be called behind each."""
        error = result.error_in_exec or result.error_before_exec
        cell = result.info.raw_cell if result.info else ""
        if error is not None and not _is_ours(cell, error):
            self._last = Failure(cell=cell.strip("\n"), report=report_of(error, self._shell))

    @property
    def last(self) -> Failure | None:
        """The last cell that failed, also one before this listened."""
        return self._last or self._from_interpreter()

    def _from_interpreter(self) -> Failure | None:
        """What IPython keeps of the last error, with the cell as Python was given it."""
        error = getattr(sys, "last_value", None)
        if error is None or isinstance(error, UsageError | KeyboardInterrupt):
            return None
        for name in _file_names(error):
            if self._shell.compile.format_code_name(name):
                cell = "".join(linecache.getlines(name)).strip("\n")
                return Failure(cell=cell, report=report_of(error, self._shell))
        return None


def report_of(error: BaseException, shell: InteractiveShell) -> str:
    """The traceback of `error` from the cell on, at most `MAX_LINES` lines from its end."""
    summary = TracebackException.from_exception(error)
    _tidy(summary, shell)
    lines = "".join(summary.format()).rstrip().split("\n")
    return "\n".join(lines if len(lines) <= MAX_LINES else ["…", *lines[-MAX_LINES:]])


def _tidy(summary: TracebackException | None, shell: InteractiveShell) -> None:
    """Leave IPython's own frames out, and call cells what their prompts do."""
    if summary is None:
        return
    frames = [frame for frame in summary.stack if not frame.filename.startswith(_IPYTHON)]
    summary.stack = StackSummary.from_list([_labelled(frame, shell) for frame in frames])
    if isinstance(getattr(summary, "filename", None), str):  # of a SyntaxError
        summary.filename = _label(summary.filename, shell)
    _tidy(summary.__cause__, shell)
    _tidy(summary.__context__, shell)


def _labelled(frame: FrameSummary, shell: InteractiveShell) -> FrameSummary:
    name = _label(frame.filename, shell)
    return FrameSummary(name, frame.lineno, frame.name, lookup_line=False, line=frame.line)


def _label(filename: str, shell: InteractiveShell) -> str:
    label = shell.compile.format_code_name(filename)
    return label[1] if label else filename


def _file_names(error: BaseException) -> list[str]:
    """The files that an error went through, outermost first."""
    names = [frame.filename for frame in TracebackException.from_exception(error).stack]
    return [*names, *filter(None, [getattr(error, "filename", None)])]


def _is_ours(cell: str, error: BaseException) -> bool:
    """Whether there is nothing to mend: a question that failed, or a cell that was stopped."""
    if isinstance(error, KeyboardInterrupt | UsageError):
        return True
    return isinstance(error, LLMError) and cell.lstrip().startswith(("%llm", "%%llm"))
