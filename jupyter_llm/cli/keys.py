"""API keys: `jupyter llm key create | ls | revoke`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from jupyter_llm.errors import InvalidRequestError

from .output import say

if TYPE_CHECKING:
    import argparse

    from jupyter_llm.registry.keys import ApiKey, KeyStore


def add_key_commands(parser: argparse.ArgumentParser) -> None:
    """Fill the command `key`."""
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
    say(f"This key is shown once. It is valid {_expiry(key)}:", to_person=True)
    say(secret)


def _list_keys(_: argparse.Namespace) -> None:
    keys = _keys().keys()
    for key in keys:
        say(f"{key.name}  made {key.created:%Y-%m-%d}  valid {_expiry(key)}  {_grants(key)}")
    if not keys:
        say("There is no key. Make one: jupyter llm key create NAME", to_person=True)


def _revoke_key(options: argparse.Namespace) -> None:
    _keys().revoke(options.name)
    say(f"'{options.name}' is revoked.", to_person=True)


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
