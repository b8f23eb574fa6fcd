"""`%llm` manages the server's models, `%%llm` asks one of them."""

from __future__ import annotations

import warnings
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from IPython.core.error import UsageError
from IPython.core.magic import Magics, cell_magic, line_magic, magics_class, no_var_expand

from jupyter_llm.client import Client
from jupyter_llm.client.load_arguments import load_options
from jupyter_llm.client.pulling import follow, found
from jupyter_llm.client.removing import remove
from jupyter_llm.client.tables import loaded_table, memory_table, models_table
from jupyter_llm.errors import ContextLengthError
from jupyter_llm.types import Message

from .answer import Answer, stream
from .arguments import HelpShownError, cell_parser, line_parser, split
from .cells import place_of
from .display import View, open_output
from .history import Conversation
from .interpolate import interpolate
from .loading import load
from .tracebacks import concise_tracebacks

if TYPE_CHECKING:
    from argparse import Namespace

    from IPython.core.interactiveshell import InteractiveShell

    from jupyter_llm.client.tables import Table

    from .history import Place


def register(shell: InteractiveShell) -> None:
    """Give `shell` the magics; warns if they take the place of another package's."""
    for mark, kind in (("%", "line"), ("%%", "cell")):
        magic = shell.magics_manager.magics[kind].get("llm")
        owner = getattr(magic, "__self__", magic)
        if isinstance(owner, LLMMagics):
            return
        if owner is not None:
            warnings.warn(
                f"jupyter_llm replaces the {mark}llm magic of {owner.__module__}. "
                "Load that package after jupyter_llm to have its own back.",
                stacklevel=3,
            )
    shell.register_magics(LLMMagics)


@magics_class
class LLMMagics(Magics):
    """The two magics and the conversation that the cells of this kernel share."""

    shell: InteractiveShell

    def __init__(self, shell: InteractiveShell) -> None:
        super().__init__(shell)
        self._conversation = Conversation()

    @no_var_expand
    @line_magic("llm")  # type: ignore[arg-type]  # IPython's decorators lose the type
    def manage(self, line: str) -> None:
        """Manage the language models of this notebook's server; `%llm help` says more."""
        with concise_tracebacks(), suppress(HelpShownError):
            words = [interpolate(word, self.shell.user_ns) for word in split(line)]
            arguments = line_parser().parse_args(words or ["help"])
            getattr(self, f"_{arguments.verb}")(arguments)

    @no_var_expand
    @cell_magic("llm")  # type: ignore[arg-type]  # IPython's decorators lose the type
    def ask(self, line: str, cell: str) -> None:
        """Send the cell to a language model and stream its answer; `%%llm -h` says more."""
        with concise_tracebacks(), suppress(HelpShownError):
            words = split(line)
            variables = {} if "--raw" in words else self.shell.user_ns
            arguments = cell_parser().parse_args([interpolate(w, variables) for w in words])
            if not cell.strip():
                raise UsageError("The cell is empty: write a prompt below %%llm.")
            self._ask(interpolate(cell.strip("\n"), variables), arguments)

    def _ask(self, prompt: str, arguments: Namespace) -> None:
        place, answer = place_of(self.shell), Answer(arguments.model or "")
        before = () if arguments.no_history else self._conversation.before(place)
        system = [Message(role="system", content=arguments.system)] if arguments.system else []
        try:
            with Client() as client:
                deltas = client.chat(
                    [*system, *before, Message(role="user", content=prompt)],
                    model=arguments.model,
                    temperature=arguments.temperature,
                    max_tokens=arguments.max_tokens,
                    seed=arguments.seed,
                )
                stream(deltas, answer, open_output(self.shell))
        except ContextLengthError as exc:
            if before:
                exc.add_note("`%llm reset` forgets the questions before, --no-history skips them.")
            raise
        finally:
            self._keep(place, prompt, answer, arguments)

    def _keep(self, place: Place, prompt: str, answer: Answer, arguments: Namespace) -> None:
        """Remember what was said, also if it was interrupted; not what failed."""
        text = "" if answer.outcome == "failed" else answer.text
        if not arguments.no_history:
            self._conversation.record(place, prompt, text)
        if arguments.out and answer.outcome not in {"", "failed"}:
            self.shell.user_ns[arguments.out] = text

    def _ls(self, _: Namespace) -> None:
        with Client() as client:
            self._show(models_table(client.listing()))

    def _ps(self, _: Namespace) -> None:
        with Client() as client:
            self._show(loaded_table(client.loaded()))

    def _vram(self, _: Namespace) -> None:
        with Client() as client:
            self._show(memory_table(client.devices()))

    def _pull(self, arguments: Namespace) -> None:
        output = open_output(self.shell)
        with Client() as client:
            pulled = follow(client, arguments.name, lambda line: output.show(partial(_line, line)))
        output.finish(_line(f"{pulled.path} is here: `%llm load {Path(pulled.path).stem}`"))

    def _search(self, arguments: Namespace) -> None:
        with Client() as client:
            self._show(found(client, arguments.text))

    def _load(self, arguments: Namespace) -> None:
        with Client() as client:
            options, output = load_options(arguments), open_output(self.shell)
            load(client, client.load, arguments.name, options, output)

    def _switch(self, arguments: Namespace) -> None:
        with Client() as client:
            options, output = load_options(arguments), open_output(self.shell)
            load(client, client.switch, arguments.name, options, output)

    def _unload(self, arguments: Namespace) -> None:
        with Client() as client:
            status = client.unload(arguments.name)
        self._say(f"{status.model.id} is {status.state}.")

    def _rm(self, arguments: Namespace) -> None:
        with Client() as client:
            self._say(remove(client, arguments.name, None if arguments.yes else input))

    def _reset(self, _: Namespace) -> None:
        num_turns = len(self._conversation)
        self._conversation.reset()
        self._say(f"Forgot {num_turns} question{'' if num_turns == 1 else 's'}.")

    def _help(self, _: Namespace) -> None:
        text = f"{line_parser().format_help()}\n{cell_parser().format_help()}"
        self._show_view(View(markdown=f"```text\n{text}```", text=text))

    def _say(self, text: str) -> None:
        self._show_view(_line(text))

    def _show(self, table: Table) -> None:
        self._show_view(View(markdown=table.markdown(), text=table.text()))

    def _show_view(self, view: View) -> None:
        open_output(self.shell).finish(view)


def _line(text: str) -> View:
    return View(markdown=text, text=text)
