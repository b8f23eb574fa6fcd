"""Where the magics show things: one output that changes in place."""

from __future__ import annotations

import math
import re
import sys
import time
import uuid
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from IPython.display import publish_display_data

if TYPE_CHECKING:
    from collections.abc import Callable

    from IPython.core.interactiveshell import InteractiveShell

    from jupyter_llm.client.tables import Table

UPDATE_INTERVAL_S = 0.05  # what a browser can render without falling behind


@dataclass(frozen=True, kw_only=True, slots=True)
class View:
    """The same thing as Markdown, for notebooks, and as text, for everything else."""

    markdown: str
    text: str
    metadata: dict[str, Any] = field(default_factory=dict)


class Output(ABC):
    """Something that shows one view after another, the last one for good."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._shown_at = -math.inf

    def show(self, view: Callable[[], View]) -> None:
        """Show how things stand, at most every `UPDATE_INTERVAL_S`."""
        if self._clock() - self._shown_at >= UPDATE_INTERVAL_S:
            self._draw(view())
            self._shown_at = self._clock()

    def finish(self, view: View) -> None:
        """Show how things ended."""
        self._draw(view)

    def revise(self, view: View) -> None:
        """Show how things ended in another way, where what was shown can change."""
        self._draw(view)

    @abstractmethod
    def _draw(self, view: View) -> None: ...


class NotebookOutput(Output):
    """A display that each view replaces."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(clock)
        self._display_id = uuid.uuid4().hex
        self._exists = False

    def _draw(self, view: View) -> None:
        publish_display_data(  # type: ignore[no-untyped-call]
            data={"text/markdown": view.markdown, "text/plain": view.text},
            metadata=view.metadata,
            transient={"display_id": self._display_id},
            update=self._exists,
        )
        self._exists = True


class TerminalOutput(Output):
    """A terminal: what a view adds to the one before is written behind it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(clock)
        self._written = ""

    def finish(self, view: View) -> None:
        """Write what is new and end the line."""
        super().finish(view)
        sys.stdout.write("\n")

    def revise(self, view: View) -> None:
        """Leave what is written as it is."""

    def _draw(self, view: View) -> None:
        grows = view.text.startswith(self._written)
        sys.stdout.write(view.text[len(self._written) :] if grows else f"\n{view.text}")
        sys.stdout.flush()
        self._written = view.text


def open_output(shell: InteractiveShell) -> Output:
    """An output for whatever `shell` runs in."""
    return NotebookOutput() if is_notebook(shell) else TerminalOutput()


def is_notebook(shell: InteractiveShell) -> bool:
    """Whether a kernel runs the shell, so that a display can change after it was shown."""
    return getattr(shell, "kernel", None) is not None


def line_view(text: str) -> View:
    """A sentence."""
    return View(markdown=text, text=text)


def table_view(table: Table) -> View:
    """A table: of Markdown, and in columns."""
    return View(markdown=table.markdown(), text=table.text())


def code_view(code: str, language: str) -> View:
    """Code: coloured by its language where that is done, and as it is."""
    return View(markdown=fenced(code, language), text=code)


def fenced(text: str, language: str = "") -> str:
    """`text` as a code block of Markdown, in a fence that nothing in it closes."""
    longest = max(map(len, re.findall(r"^ {0,3}(`+)", text, re.MULTILINE)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"
