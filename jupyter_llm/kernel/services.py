"""What `%llm service …` does."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from jupyter_llm.client import Client, services
from jupyter_llm.client.service_arguments import service_config
from jupyter_llm.client.service_tables import (
    recipes_table,
    replicas_table,
    service_line,
    services_table,
)
from jupyter_llm.client.serving import started, stopped, written

from .display import View, line_view, open_output, table_view

if TYPE_CHECKING:
    from argparse import Namespace

    from IPython.core.interactiveshell import InteractiveShell


class ServiceVerbs:
    """The verbs behind `%llm service`, each a method of its name."""

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell

    def run(self, arguments: Namespace) -> None:
        """Do what was asked and show what came of it."""
        with Client() as client:
            getattr(self, f"_{arguments.service_verb}")(client, arguments)

    def _recipes(self, client: Client, _: Namespace) -> None:
        self._show(table_view(recipes_table(client.do(services.recipes()))))

    def _ls(self, client: Client, _: Namespace) -> None:
        self._show(table_view(services_table(client.do(services.services()))))

    def _start(self, client: Client, arguments: Namespace) -> None:
        output = open_output(self._shell)
        service = client.do(services.start(arguments.recipe, service_config(arguments)))
        if arguments.wait:
            for step in started(client, service):
                output.show(partial(line_view, service_line(step)))
                service = step
        output.finish(line_view(service_line(service)))

    def _status(self, client: Client, arguments: Namespace) -> None:
        service = client.do(services.service(arguments.service))
        line, table = line_view(service_line(service)), table_view(replicas_table(service))
        self._show(
            View(markdown=f"{line.markdown}\n\n{table.markdown}", text=f"{line.text}\n{table.text}")
        )

    def _logs(self, client: Client, arguments: Namespace) -> None:
        for text in written(client, arguments.service, follow=arguments.follow):
            print(text, end="")  # noqa: T201 - as the program wrote it, in the cell's own stream

    def _stop(self, client: Client, arguments: Namespace) -> None:
        self._show(line_view(service_line(stopped(client, arguments.service))))

    def _show(self, view: View) -> None:
        open_output(self._shell).finish(view)
