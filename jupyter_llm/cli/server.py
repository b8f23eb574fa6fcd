"""Which server a command is for."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from jupyter_llm.client import Client
from jupyter_llm.client.discovery import API_KEY
from jupyter_llm.client.server import server_at

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_server_argument(parser: ArgumentParser) -> None:
    """Let a command name its server: `--url`."""
    parser.add_argument(
        "--url",
        help=f"where the server's llm/ is, with the key in {API_KEY}; "
        "by default the server that this terminal belongs to",
    )


def client_for(options: Namespace) -> Client:
    """A client of the server that is meant."""
    if not options.url:
        return Client()
    # the key from the environment: everybody on the machine can read a command line
    return Client(server_at(options.url, token=os.environ.get(API_KEY, ""), found_by="--url"))
