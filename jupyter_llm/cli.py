"""`jupyter llm …`: serve models, manage API keys, and see to the models of a running server."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING

from jupyter_llm._version import __version__
from jupyter_llm.client import Client, Server
from jupyter_llm.client.discovery import API_KEY
from jupyter_llm.client.load_arguments import add_load_arguments, load_options
from jupyter_llm.client.pulling import PULL_NAME, SEARCH_TEXT, follow, found
from jupyter_llm.client.removing import add_remove_arguments, remove
from jupyter_llm.client.server import server_at
from jupyter_llm.client.tables import loaded_table, memory_table, models_table
from jupyter_llm.errors import InvalidRequestError, LLMError, ServerNotFoundError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jupyter_llm.registry.keys import ApiKey, KeyStore


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit status."""
    arguments = sys.argv[1:] if argv is None else list(argv)
    # before argparse, which would take the server's options for its own
    if arguments[:1] == ["serve"]:
        return _serve(arguments[1:])
    options = _parser().parse_args(arguments)
    try:
        status: int | None = options.run(options)
    except LLMError as error:
        print(error.message, file=sys.stderr)  # noqa: T201
        return 1
    except KeyboardInterrupt as interrupt:
        for note in getattr(interrupt, "__notes__", ()):
            _say(f"\n{note}", to_person=True)
        return 130
    return status or 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="jupyter llm", description=__doc__)
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    commands.add_parser(
        "serve",
        help="start a Jupyter server with this extension; takes every option of 'jupyter server'",
    )
    _add_key_commands(commands.add_parser("key", help="make, list and revoke API keys"))
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
        command.add_argument(
            "--url",
            help=f"where the server's llm/ is, with the key in {API_KEY}; "
            "by default the server that this terminal belongs to",
        )
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
    return parser


def _add_key_commands(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    create = commands.add_parser("create", help="make a key; it is shown once")
    create.add_argument("name", metavar="NAME", help="what you will know it by")
    create.add_argument("--expires-days", type=float, metavar="N", help="days that it is valid")
    create.add_argument(
        "--scope",
        action="append",
        metavar="SCOPE",
        help="what it is for: read, execute (generate) or write (load, administer); may be given "
        "several times, and all three by default",
    )
    create.add_argument(
        "--model",
        action="append",
        metavar="MODEL",
        help="id or alias of a model that it may use; may be given several times, and all by "
        "default",
    )
    create.add_argument(
        "--requests-per-minute", type=int, default=0, metavar="N", help="requests in a minute"
    )
    create.add_argument(
        "--tokens-per-day", type=int, default=0, metavar="N", help="tokens on a day of UTC"
    )
    create.set_defaults(run=_create_key)
    commands.add_parser("ls", help="list the keys").set_defaults(run=_list_keys)
    revoke = commands.add_parser("revoke", help="make a key worthless")
    revoke.add_argument("name", metavar="NAME")
    revoke.set_defaults(run=_revoke_key)


def _serve(arguments: list[str]) -> int:
    from jupyter_llm.app import LLMExtension

    LLMExtension.launch_instance(arguments)  # type: ignore[no-untyped-call]
    return 0


def _create_key(options: argparse.Namespace) -> None:
    if "JUPYTERHUB_SERVICE_PREFIX" in os.environ:
        raise InvalidRequestError(
            "Under JupyterHub this server takes the Hub's tokens alone: make one at /hub/token."
        )
    from jupyter_llm.registry.keys import SCOPES, Grant

    grant = Grant(
        scopes=tuple(options.scope or SCOPES),
        models=tuple(options.model) if options.model else None,
        requests_per_minute=options.requests_per_minute,
        tokens_per_day=options.tokens_per_day,
    )
    key, secret = _keys().create(options.name, grant, expires_days=options.expires_days)
    _say(f"This key is shown once. It is valid {_expiry(key)}:", to_person=True)
    _say(secret)


def _list_keys(_: argparse.Namespace) -> None:
    keys = _keys().keys()
    for key in keys:
        _say(f"{key.name}  made {key.created:%Y-%m-%d}  valid {_expiry(key)}  {_grants(key)}")
    if not keys:
        _say("There is no key. Make one: jupyter llm key create NAME", to_person=True)


def _revoke_key(options: argparse.Namespace) -> None:
    _keys().revoke(options.name)
    _say(f"'{options.name}' is revoked.", to_person=True)


def _keys() -> KeyStore:
    from jupyter_llm.registry.keys import KeyStore, default_path

    return KeyStore(default_path())


def _expiry(key: ApiKey) -> str:
    return f"until {key.expires:%Y-%m-%d %H:%M} UTC" if key.expires else "until it is revoked"


def _grants(key: ApiKey) -> str:
    """What a key is for, in words."""
    words = [" ".join(key.scopes)]
    if key.models is not None:
        words.append(f"models {' '.join(key.models)}")
    if key.requests_per_minute:
        words.append(f"{key.requests_per_minute} requests a minute")
    if key.tokens_per_day:
        words.append(f"{key.tokens_per_day} tokens a day")
    return "  ".join(words)


def _list(options: argparse.Namespace) -> None:
    with _client(options) as client:
        _say(models_table(client.listing()).text())


def _list_loaded(options: argparse.Namespace) -> None:
    with _client(options) as client:
        _say(loaded_table(client.loaded()).text())


def _show_memory(options: argparse.Namespace) -> None:
    with _client(options) as client:
        _say(memory_table(client.devices()).text())


def _pull(options: argparse.Namespace) -> None:
    with _client(options) as client:
        download = follow(client, options.name, _overwrite)
        print(file=sys.stderr)  # noqa: T201 - ends the line that was overwritten
        _say(download.path)


def _search(options: argparse.Namespace) -> None:
    with _client(options) as client:
        _say(found(client, options.text).text())


def _load(options: argparse.Namespace) -> None:
    with _client(options) as client:
        status = client.load(options.name, **load_options(options))
        _say(loaded_table([status]).text())


def _unload(options: argparse.Namespace) -> None:
    with _client(options) as client:
        _say(f"{client.unload(options.name).model.id} is unloaded.")


def _remove(options: argparse.Namespace) -> None:
    with _client(options) as client:
        _say(remove(client, options.name, None if options.yes else input))


def _examine(options: argparse.Namespace) -> int:
    from jupyter_llm.doctor import here, server

    with _client(options) as client:
        try:
            checkup = server.examine(client)
        except ServerNotFoundError as error:
            if options.url:
                raise
            reason = error.message.partition("\n")[0].rstrip(":. ")
            checkup = here.examine(f"No server ({reason}): this environment was looked at.")
    _say(checkup.text())
    return 0 if checkup.is_well else 1


def _client(options: argparse.Namespace) -> Client:
    return Client(_server_at(options.url) if options.url else None)


def _server_at(url: str) -> Server:
    # the key from the environment: everybody on the machine can read a command line
    return server_at(url, token=os.environ.get(API_KEY, ""), found_by="--url")


def _overwrite(line: str) -> None:
    """Show progress in place, to a person who watches."""
    if sys.stderr.isatty():
        print(f"\r{line:<79}", end="", flush=True, file=sys.stderr)  # noqa: T201


def _say(text: str, *, to_person: bool = False) -> None:
    """What a program may want to read goes to the output, the rest beside it."""
    print(text, file=sys.stderr if to_person else sys.stdout)


if __name__ == "__main__":
    sys.exit(main())
