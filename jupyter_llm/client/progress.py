"""How far a long piece of work is: one line that changes, in notebooks and terminals."""

from __future__ import annotations

import sys
import time
import uuid
from abc import ABC, abstractmethod
from dataclasses import dataclass
from html import escape
from typing import Any

INTERVAL_S = 0.25
_BAR_LENGTH = 24
_MINUTE_S, _HOUR_S = 60, 3600


@dataclass(kw_only=True, slots=True)
class Count:
    """How many rows there are, and what has become of them."""

    total: int
    asked: int = 0
    cached: int = 0
    failed: int = 0

    @property
    def done(self) -> int:
        """Those that need nothing more."""
        return self.asked + self.cached + self.failed


class Progress(ABC):
    """Shows a `Count` now and then."""

    def __init__(self, count: Count) -> None:
        self.count = count
        self._started = time.monotonic()

    def line(self) -> str:
        """Rows, those from the cache, failures, pace and the time that is left."""
        count, elapsed_s = self.count, time.monotonic() - self._started
        parts = [f"{count.done} of {count.total}"]
        if count.cached:
            parts.append(f"{count.cached} from the cache")
        if count.failed:
            parts.append(f"{count.failed} failed")
        if count.asked and elapsed_s > 0:
            pace = count.asked / elapsed_s
            parts.append(f"{pace:.3g} rows/s")
            if left := count.total - count.done:
                parts.append(f"{_duration(left / pace)} left")
        return " · ".join(parts)

    @abstractmethod
    def show(self) -> None:
        """Show how things stand."""

    def finish(self) -> None:
        """Show how things ended."""
        self.show()


class NoProgress(Progress):
    """For logs and pipes, and for those who want none."""

    def show(self) -> None:
        """Show nothing."""


class TerminalProgress(Progress):
    """One line of the terminal, written over and over."""

    def show(self) -> None:
        """Write the line anew."""
        share = self.count.done / self.count.total if self.count.total else 1.0
        bar = f"{'#' * round(share * _BAR_LENGTH):.<{_BAR_LENGTH}}"
        sys.stderr.write(f"\r\x1b[K[{bar}] {self.line()}")
        sys.stderr.flush()

    def finish(self) -> None:
        """End the line."""
        self.show()
        sys.stderr.write("\n")


class NotebookProgress(Progress):
    """A display that changes in place: no widget, so that every front end and papermill show it."""

    def __init__(self, count: Count) -> None:
        super().__init__(count)
        self._display_id = uuid.uuid4().hex
        self._exists = False

    def show(self) -> None:
        """Put the display in the place of the one before."""
        from IPython.display import publish_display_data

        line = self.line()
        bar = f'<progress value="{self.count.done}" max="{max(self.count.total, 1)}"></progress>'
        publish_display_data(  # type: ignore[no-untyped-call]
            data={"text/html": f"{bar} {escape(line)}", "text/plain": line},
            transient={"display_id": self._display_id},
            update=self._exists,
        )
        self._exists = True


def open_progress(total: int, *, wanted: bool | None) -> Progress:
    """What suits the place where this runs; `wanted` of `None` shows none for a few rows."""
    count = Count(total=total)
    if wanted is False or (wanted is None and total <= 1):
        return NoProgress(count)
    if _kernel() is not None:
        return NotebookProgress(count)
    return TerminalProgress(count) if sys.stderr.isatty() else NoProgress(count)


def _kernel() -> Any:
    """The kernel that this runs in, if it is one."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return getattr(shell, "kernel", None)


def _duration(seconds: float) -> str:
    if seconds < _MINUTE_S:
        return f"{seconds:.0f} s"
    if seconds < _HOUR_S:
        return f"{seconds / _MINUTE_S:.0f} min"
    return f"{seconds / _HOUR_S:.1f} h"
