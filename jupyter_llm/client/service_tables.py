"""Services as tables, for the magics and the command line alike."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from .tables import Table

if TYPE_CHECKING:
    from collections.abc import Iterable

    from jupyter_llm.types import Service

    from .services import RecipeSummary

_MINUTE_S = 60
_HOUR_S = 3600


def recipes_table(recipes: Iterable[RecipeSummary]) -> Table:
    """What can be started."""
    return Table(
        headers=("recipe", "kind", "what it is"),
        rows=[(recipe.name, recipe.kind, recipe.description or "-") for recipe in recipes],
        empty="The server has no recipes.",
    )


def services_table(services: Iterable[Service]) -> Table:
    """Services in a line each."""
    return Table(
        headers=("id", "recipe", "state", "model", "nodes", "GPUs", "replicas", "time left"),
        rows=[
            (
                service.id,
                service.recipe,
                service.state + (" ?" if service.is_stale else ""),
                service.model or "-",
                " ".join(service.nodes) or "-",
                str(service.num_gpus or "-"),
                _healthy(service),
                _left(service),
            )
            for service in services
        ],
        empty="There is no service. Start one: service start RECIPE",
    )


def replicas_table(service: Service) -> Table:
    """The servers of one service."""
    return Table(
        headers=("replica", "address", "state", "healthy", "GPUs"),
        rows=[
            (
                replica.id,
                f"{replica.host}:{replica.port}",
                replica.state,
                "yes" if replica.is_healthy else "no",
                replica.gpus or "-",
            )
            for replica in service.replicas
        ],
        empty="None of its servers has reported yet.",
    )


def service_line(service: Service) -> str:
    """Where a service stands, in one sentence."""
    words = [f"{service.id} ({service.recipe}) is {service.state}"]
    if service.reason:
        words.append(f": {service.reason.rstrip('.')}")
    if service.is_stale:
        words.append(", when the cluster last answered")
    if service.model_id:
        words.append(f"; ask it as {service.model_id}")
    return "".join(words) + "."


def _healthy(service: Service) -> str:
    healthy = sum(replica.is_healthy for replica in service.replicas)
    return f"{healthy}/{service.num_replicas}" if not service.state.is_final else "-"


def _left(service: Service) -> str:
    """How long it may still run."""
    if service.ends_at is None or service.state.is_final:
        return "-"
    left_s = max(service.ends_at - time.time(), 0)
    hours, minutes = divmod(round(left_s / _MINUTE_S), _HOUR_S // _MINUTE_S)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min"
