"""What the verbs of `%llm` do."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from IPython.core.error import UsageError

from jupyter_llm.client import Client
from jupyter_llm.client.load_arguments import load_options
from jupyter_llm.client.pulling import follow, found
from jupyter_llm.client.removing import remove
from jupyter_llm.client.tables import loaded_table, memory_table, models_table

from .display import View, line_view, open_output, table_view
from .doctor import doctor_table
from .line_arguments import ALIASES
from .loading import load
from .model_tables import settings_table, usage_table
from .services import ServiceVerbs

if TYPE_CHECKING:
    from argparse import Namespace

    from IPython.core.interactiveshell import InteractiveShell

    from jupyter_llm.client.tables import Table


class Verbs:
    """The verbs that see to the server's models, each a method of its name."""

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell

    def run(self, arguments: Namespace) -> None:
        """Do what was asked and show what came of it."""
        verb = ALIASES.get(arguments.verb, arguments.verb)
        getattr(self, f"_{verb}")(arguments)

    def _models(self, _: Namespace) -> None:
        with Client() as client:
            self._show(models_table(client.listing()))

    def _ps(self, _: Namespace) -> None:
        with Client() as client:
            self._show(loaded_table(client.loaded()))

    def _vram(self, _: Namespace) -> None:
        with Client() as client:
            self._show(memory_table(client.devices()))

    def _usage(self, arguments: Namespace) -> None:
        with Client() as client:
            wanted = client.model(arguments.name).model.id if arguments.name else None
            records = client.records()
        self._show(usage_table([r for r in records if wanted in {None, r["id"]}]))

    def _doctor(self, _: Namespace) -> None:
        with Client() as client:
            self._show(doctor_table(client))

    def _search(self, arguments: Namespace) -> None:
        with Client() as client:
            self._show(found(client, " ".join(arguments.words)))

    def _pull(self, arguments: Namespace) -> None:
        output = open_output(self._shell)
        with Client() as client:
            pulled = follow(
                client, arguments.repo, lambda line: output.show(partial(line_view, line))
            )
        here = f"{pulled.path} is here: `%llm load {Path(pulled.path).stem}`"
        output.finish(line_view(here))

    def _load(self, arguments: Namespace) -> None:
        with Client() as client:
            options, output = load_options(arguments), open_output(self._shell)
            load(client, client.load, arguments.name, options, output)

    def _switch(self, arguments: Namespace) -> None:
        with Client() as client:
            options, output = load_options(arguments), open_output(self._shell)
            load(client, client.switch, arguments.name, options, output)

    def _unload(self, arguments: Namespace) -> None:
        with Client() as client:
            status = client.unload(arguments.name)
        self._say(f"{status.model.id} is {status.state}.")

    def _set(self, arguments: Namespace) -> None:
        with Client() as client:
            settings = client.settings(arguments.name)
            if changes := _changes(arguments, settings["options"]):
                settings = client.change_settings(arguments.name, **changes)
        self._show(settings_table(settings))

    def _rm(self, arguments: Namespace) -> None:
        with Client() as client:
            self._say(remove(client, arguments.name, None if arguments.yes else input))

    def _service(self, arguments: Namespace) -> None:
        ServiceVerbs(self._shell).run(arguments)

    def _say(self, text: str) -> None:
        self._show_view(line_view(text))

    def _show(self, table: Table) -> None:
        self._show_view(table_view(table))

    def _show_view(self, view: View) -> None:
        open_output(self._shell).finish(view)


def _changes(arguments: Namespace, before: dict[str, object]) -> dict[str, object]:
    """The fields to change; options that were decided before stay beside the new ones."""
    options = load_options(arguments)
    keep_alive = options.pop("keep_alive", None)
    given = {
        "aliases": arguments.aliases,
        "options": {**before, **options} if options else None,
        "pinned": arguments.pin,
        "keep_alive": keep_alive,
    }
    changes = {name: value for name, value in given.items() if value is not None}
    if not arguments.forget:
        return changes
    if changes:
        raise UsageError("--forget takes back all that was decided, and goes with nothing else.")
    return dict.fromkeys(given)
