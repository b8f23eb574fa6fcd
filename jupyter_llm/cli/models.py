"""The models of a running server: `jupyter llm ls | ps | vram | pull | load | …`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jupyter_llm.client.load_arguments import add_load_arguments, load_options
from jupyter_llm.client.pulling import PULL_NAME, SEARCH_TEXT, follow, found
from jupyter_llm.client.removing import add_remove_arguments, remove
from jupyter_llm.client.tables import loaded_table, memory_table, models_table
from jupyter_llm.errors import ServerNotFoundError

from .output import end_overwritten, overwrite, say
from .server import add_server_argument, client_for

if TYPE_CHECKING:
    import argparse


def add_model_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands that talk to a server about its models."""
    for name, run, text in (
        ("ls", _list, "list what could be loaded"),
        ("ps", _list_loaded, "list what is in memory"),
        ("vram", _show_memory, "show whose the memory of each device is"),
        ("pull", _pull, "download a model from the Hub"),
        ("search", _search, "look for models on the Hub, or for what one has"),
        ("load", _load, "bring a model into memory"),
        ("unload", _unload, "take a model out of memory"),
        ("rm", _remove, "delete a model's files"),
        ("doctor", _examine, "say what runs models here, try it, and say what mends the rest"),
    ):
        command = commands.add_parser(name, help=text)
        command.set_defaults(run=run)
        add_server_argument(command)
        _add_arguments(name, command)


def _add_arguments(name: str, command: argparse.ArgumentParser) -> None:
    if name == "pull":
        command.add_argument("name", metavar="NAME", help=PULL_NAME)
    if name == "search":
        command.add_argument("text", metavar="TEXT", help=SEARCH_TEXT)
    if name == "load":
        add_load_arguments(command)
    if name == "rm":
        add_remove_arguments(command)
    if name == "unload":
        command.add_argument("name", metavar="NAME", help="id, alias or path of the model")


def _list(options: argparse.Namespace) -> None:
    with client_for(options) as client:
        say(models_table(client.listing()).text())


def _list_loaded(options: argparse.Namespace) -> None:
    with client_for(options) as client:
        say(loaded_table(client.loaded()).text())


def _show_memory(options: argparse.Namespace) -> None:
    with client_for(options) as client:
        say(memory_table(client.devices()).text())


def _pull(options: argparse.Namespace) -> None:
    with client_for(options) as client:
        download = follow(client, options.name, overwrite)
        end_overwritten()
        say(download.path)


def _search(options: argparse.Namespace) -> None:
    with client_for(options) as client:
        say(found(client, options.text).text())


def _load(options: argparse.Namespace) -> None:
    with client_for(options) as client:
        status = client.load(options.name, **load_options(options))
        say(loaded_table([status]).text())


def _unload(options: argparse.Namespace) -> None:
    with client_for(options) as client:
        say(f"{client.unload(options.name).model.id} is unloaded.")


def _remove(options: argparse.Namespace) -> None:
    with client_for(options) as client:
        say(remove(client, options.name, None if options.yes else input))


def _examine(options: argparse.Namespace) -> int:
    from jupyter_llm.doctor import here, server

    with client_for(options) as client:
        try:
            checkup = server.examine(client)
        except ServerNotFoundError as error:
            if options.url:
                raise
            reason = error.message.partition("\n")[0].rstrip(":. ")
            checkup = here.examine(f"No server ({reason}): this environment was looked at.")
    say(checkup.text())
    return 0 if checkup.is_well else 1
