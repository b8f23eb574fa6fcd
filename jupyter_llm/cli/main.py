"""`jupyter llm …`: serve models, manage API keys, and see to a running server."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from jupyter_llm._version import __version__
from jupyter_llm.client.service_arguments import SERVICE_TEXT
from jupyter_llm.errors import LLMError

from .keys import add_key_commands
from .models import add_model_commands
from .output import say
from .services import add_service_commands

if TYPE_CHECKING:
    from collections.abc import Sequence


_ALONE = "--alone"


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
        say(error.message, to_person=True)
        return 1
    except KeyboardInterrupt as interrupt:
        for note in getattr(interrupt, "__notes__", ()):
            say(f"\n{note}", to_person=True)
        return 130
    return status or 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="jupyter llm", description=__doc__)
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    commands.add_parser(
        "serve",
        help="start a Jupyter server with this extension; takes every option of 'jupyter server', "
        f"and {_ALONE}, which leaves out other extensions, JupyterLab for one",
    )
    add_key_commands(commands.add_parser("key", help="make, list and revoke API keys"))
    add_model_commands(commands)
    add_service_commands(commands.add_parser("service", help=SERVICE_TEXT))
    return parser


def _serve(arguments: list[str]) -> int:
    from jupyter_llm.app import LLMExtension

    if _ALONE in arguments:
        LLMExtension.load_other_extensions = False
        arguments = [argument for argument in arguments if argument != _ALONE]
    LLMExtension.launch_instance(arguments)  # type: ignore[no-untyped-call]
    return 0
