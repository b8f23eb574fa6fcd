"""What `%llm fix` asks, and what it makes of the answer."""

from __future__ import annotations

from difflib import unified_diff
from typing import TYPE_CHECKING

from jupyter_llm.types import Message

from .code import blocks
from .display import code_view, fenced, line_view, open_output
from .exchange import Exchange, Question
from .sampling import sampling_options

if TYPE_CHECKING:
    from argparse import Namespace

    from IPython.core.interactiveshell import InteractiveShell

    from .failures import Failure

_CONTEXT_LINES = 3
_TASK = (
    "Say in two or three sentences what went wrong. "
    "Then write the whole cell, mended, in one Python code block."
)


def question(failure: Failure, remark: str = "") -> str:
    """The prompt for a cell that failed."""
    parts = [
        "A cell of a Jupyter notebook failed.",
        f"The cell:\n\n{fenced(failure.cell, 'python')}",
        f"How it ended:\n\n{fenced(failure.report, 'text')}",
        remark,
        _TASK,
    ]
    return "\n\n".join(part for part in parts if part)


def mended(answer: str, cell: str) -> str | None:
    """The last whole block of Python in an answer, if it changes the cell."""
    found = [block.text for block in blocks(answer) if block.is_python and block.is_closed]
    return found[-1] if found and found[-1] not in {"", cell.strip("\n")} else None


def diff(before: str, after: str) -> str:
    """What changes from one cell to the other, line by line."""
    lines = unified_diff(before.split("\n"), after.split("\n"), n=_CONTEXT_LINES, lineterm="")
    header = 2  # the names of two files, which cells do not have
    return "\n".join(list(lines)[header:])


def fix(shell: InteractiveShell, failure: Failure, arguments: Namespace) -> None:
    """Have a cell that failed explained, show what would mend it, and offer that as a cell.

    Nothing runs: who reads the difference decides.
    """
    prompt = question(failure, " ".join(arguments.remark))
    exchange = Exchange(
        shell,
        Question(
            turns=[Message(role="user", content=prompt)],
            model=arguments.model,
            options=sampling_options(arguments),
        ),
    )
    exchange.run()
    cell = mended(exchange.answer.text, failure.cell)
    output = open_output(shell)
    if cell is None:
        output.finish(line_view("The answer has no other cell to propose."))
        return
    output.finish(code_view(diff(failure.cell, cell), "diff"))
    shell.set_next_input(cell, replace=arguments.replace)
