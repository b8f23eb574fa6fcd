"""`%llm` manages the server's models, `%%llm` asks one of them."""

from __future__ import annotations

import inspect
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from IPython.core.error import UsageError
from IPython.core.magic import Magics, cell_magic, line_magic, magics_class, no_var_expand

from . import clash
from .asking import Questions
from .candidates import Candidates
from .cell_arguments import cell_parser
from .completion import Completer
from .display import View, line_view, open_output
from .failures import Failures
from .fixing import fix
from .interpolate import interpolate
from .line_arguments import line_parser
from .parser import HelpShownError, Parser, split
from .tracebacks import concise_tracebacks
from .verbs import Verbs

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable

    from IPython.core.interactiveshell import ExecutionResult, InteractiveShell

Function = TypeVar("Function", bound="Callable[..., Any]")


def register(shell: InteractiveShell) -> None:
    """Give `shell` the magics; warns if they take the place of another package's."""
    if clash.is_registered(shell, LLMMagics):
        return
    clash.warn_of_replaced(clash.others(shell, LLMMagics))
    magics = shell.magics_manager.registry.get(LLMMagics.__name__)
    if isinstance(magics, LLMMagics):  # another package has replaced it since
        shell.register_magics(magics)
        return
    magics = LLMMagics(shell)
    shell.register_magics(magics)
    shell.events.register("post_run_cell", magics.note)
    Completer(Candidates(shell.user_ns)).install(shell)


def _documented(parser: Callable[[], Parser]) -> Callable[[Function], Function]:
    """Put the arguments that a parser takes behind a docstring: `%llm?` shows it."""

    def mark(function: Function) -> Function:
        arguments = parser()
        arguments.description = None  # the docstring says it
        function.__doc__ = f"{inspect.getdoc(function)}\n\n{arguments.format_help()}"
        return function

    return mark


@magics_class
class LLMMagics(Magics):
    """The two magics, and what they have to remember between cells."""

    shell: InteractiveShell

    def __init__(self, shell: InteractiveShell) -> None:
        super().__init__(shell)
        self._questions = Questions(shell)
        self._failures = Failures(shell)
        self._verbs = Verbs(shell)
        self._lost: dict[str, str] = {}

    @_documented(line_parser)
    @no_var_expand
    @line_magic("llm")  # type: ignore[arg-type]  # IPython's decorators lose the type
    def manage(self, line: str) -> None:
        """See to the language models of this notebook's server.

        Examples:
            %llm models                       what can be loaded, and whether it fits
            %llm search qwen coder            look for a model on the Hub
            %llm pull org/repo                download what suits this machine
            %llm load NAME --slots 2          bring it into memory
            %llm switch NAME                  and let it answer where none is named
            %llm fix                          explain the last error, propose a mended cell
            %llm doctor                       what is wrong here, and what mends it

        `%llm VERB -h` shows the options of a verb; Tab completes verbs, options and names.
        `%%llm?` is about asking a model. {name} stands for a variable here, too.
        """
        with concise_tracebacks(), suppress(HelpShownError):
            words = [interpolate(word, self.shell.user_ns) for word in split(line)]
            arguments = line_parser().parse_args(words or ["help"])
            own = {"fix": self._fix, "reset": self._reset, "help": self._help}
            own.get(arguments.verb, self._verbs.run)(arguments)

    @_documented(cell_parser)
    @no_var_expand
    @cell_magic("llm")  # type: ignore[arg-type]  # IPython's decorators lose the type
    def ask(self, line: str, cell: str) -> Any:
        """Send the cell to a language model and stream its answer.

        Examples:
            %%llm                             ask the server's default model
            What does {question} mean?

            %%llm -m NAME -o reply            ask this model, keep the answer in a variable

            %%llm --schema City               an answer of a type of the notebook
            %%llm --as DataFrame -o table     or as a table
            %%llm --tools weather,convert     let the model call functions of the notebook
            %%llm --image figure              show it a figure, an array or a file
            %%llm --code --temperature 0      put the code of the answer into a new cell

        The cells of a kernel share a conversation; a cell that runs again takes its old place
        in it, and `%llm reset` starts over. Interrupting the cell stops the model and keeps
        what it has said. `%llm?` is about the models themselves.
        """
        with concise_tracebacks(), suppress(HelpShownError):
            words = split(line)
            variables = {} if "--raw" in words else self.shell.user_ns
            arguments = cell_parser().parse_args([interpolate(w, variables) for w in words])
            if not cell.strip():
                raise UsageError("The cell is empty: write a prompt below %%llm.")
            return self._questions.ask(interpolate(cell.strip("\n"), variables), arguments)
        return None

    def note(self, result: ExecutionResult) -> None:
        """Look at a cell that has ended: did it fail, did it take our magics away?"""
        self._failures.note(result)
        lost = clash.others(self.shell, LLMMagics)
        if lost and lost != self._lost:
            clash.warn_of_lost(lost)
        self._lost = lost

    def _fix(self, arguments: Namespace) -> None:
        failure = self._failures.last
        if failure is None:
            raise UsageError("No cell has failed since this kernel started: nothing to mend.")
        fix(self.shell, failure, arguments)

    def _reset(self, _: Namespace) -> None:
        num_turns = self._questions.reset()
        text = f"Forgot {num_turns} question{'' if num_turns == 1 else 's'}."
        open_output(self.shell).finish(line_view(text))

    def _help(self, _: Namespace) -> None:
        text = f"{line_parser().format_help()}\n{cell_parser().format_help()}"
        open_output(self.shell).finish(View(markdown=f"```text\n{text}```", text=text))
