"""The arguments of `service …`, for the magics and the command line alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

SERVICE_VERBS = {
    "recipes": "list what can be started",
    "start": "start a service from a recipe",
    "ls": "list one's services",
    "status": "show how one of them is, and its replicas",
    "logs": "show what it has written",
    "stop": "stop it, and keep what is known of it",
}
SERVICE_TEXT = "start services on the cluster, or on this machine, and see to them"

_RESOURCES: tuple[tuple[str, str, str, str], ...] = (
    ("gpus", "gpu", "N", "GPUs of each node; none for no GPU"),
    ("nodes", "nodes", "N", "nodes"),
    ("cpus", "cpu", "N", "processor cores of each node"),
    ("memory", "memory", "SIZE", "memory of each node, such as 64G"),
    ("time", "time_limit", "MINUTES", "minutes after which it is ended"),
    ("partition", "partition", "NAME", "the partition of the cluster"),
)


def add_service_arguments(verb: str, parser: ArgumentParser) -> None:
    """Add what stands behind `service VERB`."""
    if verb == "start":
        _add_start(parser)
    if verb in {"status", "logs", "stop"}:
        parser.add_argument("service", metavar="ID", help="id of the service")
    if verb == "logs":
        parser.add_argument(
            "--follow", action="store_true", help="go on until it ends, or is interrupted"
        )


def service_config(arguments: Namespace) -> dict[str, Any]:
    """What was given for `start`, as the `config` of the request."""
    environment = dict(arguments.environment or ())
    if arguments.model:
        environment["MODEL"] = arguments.model
    resources = {
        field: None if value == "none" else value
        for option, field, _, _ in _RESOURCES
        if (value := getattr(arguments, option)) is not None
    }
    given = {
        "environment": environment,
        "resources": resources,
        "gpu_per_replica": arguments.gpus_per_replica,
    }
    return {name: value for name, value in given.items() if value}


def _add_start(parser: ArgumentParser) -> None:
    parser.add_argument("recipe", metavar="RECIPE", help="name of a recipe, see service recipes")
    parser.add_argument("--model", help="id of a model, or its repository on the Hub")
    for option, _, metavar, text in _RESOURCES:
        parser.add_argument(f"--{option}", metavar=metavar, help=text)
    parser.add_argument(
        "--gpus-per-replica",
        type=int,
        metavar="N",
        help="how many GPUs each replica takes: as many replicas as these allow",
    )
    parser.add_argument(
        "--env",
        action="append",
        dest="environment",
        type=_variable,
        metavar="NAME=VALUE",
        help="a variable of the recipe; several times for several",
    )
    parser.add_argument("--wait", action="store_true", help="wait until it runs")


def _variable(text: str) -> tuple[str, str]:
    name, has_value, value = text.partition("=")
    if not name or not has_value:
        raise ValueError(text)
    return name, value
