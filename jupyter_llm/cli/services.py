"""Services of a running server: `jupyter llm service recipes | start | ls | …`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from jupyter_llm.client import services
from jupyter_llm.client.service_arguments import (
    SERVICE_VERBS,
    add_service_arguments,
    service_config,
)
from jupyter_llm.client.service_tables import (
    recipes_table,
    replicas_table,
    service_line,
    services_table,
)
from jupyter_llm.client.serving import started, stopped, written

from .output import end_overwritten, overwrite, say
from .server import add_server_argument, client_for

if TYPE_CHECKING:
    import argparse


def add_service_commands(parser: argparse.ArgumentParser) -> None:
    """Fill the command `service`."""
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    runs = {
        "recipes": _recipes,
        "start": _start,
        "ls": _list,
        "status": _status,
        "logs": _logs,
        "stop": _stop,
    }
    for verb, text in SERVICE_VERBS.items():
        command = commands.add_parser(verb, help=text)
        command.set_defaults(run=runs[verb])
        add_server_argument(command)
        add_service_arguments(verb, command)


def _recipes(options: argparse.Namespace) -> None:
    with client_for(options) as client:
        say(recipes_table(client.do(services.recipes())).text())


def _start(options: argparse.Namespace) -> int:
    with client_for(options) as client:
        service = client.do(services.start(options.recipe, service_config(options)))
        if options.wait:
            for step in started(client, service):
                overwrite(service_line(step))
                service = step
            end_overwritten()
    say(service_line(service), to_person=True)
    say(service.id)
    return 1 if service.state.is_final else 0


def _list(options: argparse.Namespace) -> None:
    with client_for(options) as client:
        say(services_table(client.do(services.services())).text())


def _status(options: argparse.Namespace) -> None:
    with client_for(options) as client:
        service = client.do(services.service(options.service))
    say(service_line(service))
    say(replicas_table(service).text())


def _logs(options: argparse.Namespace) -> None:
    with client_for(options) as client:
        for text in written(client, options.service, follow=options.follow):
            sys.stdout.write(text)
            sys.stdout.flush()


def _stop(options: argparse.Namespace) -> None:
    with client_for(options) as client:
        say(service_line(stopped(client, options.service)))
