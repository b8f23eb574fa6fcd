"""Services, groups of replicas and recipes as JSON, and what starts and ends them."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast, get_type_hints

import msgspec
from msgspec import Meta

from jupyter_llm.errors import InvalidRequestError, ServiceNotFoundError
from jupyter_llm.types import Service, ServiceState

from .decode import decode
from .fields import NonEmpty

if TYPE_CHECKING:
    from jupyter_llm.services.recipe import Recipe
    from jupyter_llm.types import Replica

# fifteen digits at most: an offset into a log, and what Python calls a digit int() may not know
_OFFSET = re.compile(r"[0-9]{1,15}")

ServiceBody = msgspec.defstruct(
    "ServiceBody",
    [
        *((name, kind) for name, kind in get_type_hints(Service).items()),
        ("status", ServiceState),
        ("recipe_name", str),
    ],
)
"""Every field of `Service`, and two of them by the names that clients of gateways know."""


class CreateBody(msgspec.Struct, forbid_unknown_fields=True):
    """A recipe, with or without its folder, and what is to be changed of it."""

    recipe_name: NonEmpty
    config: dict[str, Any] | None = None
    name: Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/:-]{0,127}\Z")] | None = None


class StatusBody(msgspec.Struct, forbid_unknown_fields=True):
    """The one status that a service can be given."""

    status: Literal["cancelled"]


_CREATE = msgspec.json.Decoder(CreateBody)
_STATUS = msgspec.json.Decoder(StatusBody)


def creation(body: bytes) -> CreateBody:
    """What is to be started.

    Raises:
        InvalidRequestError: `param` names the field that is wrong.
    """
    return decode(body, _CREATE)


def check_cancels(body: bytes) -> None:
    """See that a service is to be cancelled.

    Raises:
        InvalidRequestError: Something else is asked for, which cannot be.
    """
    decode(body, _STATUS)


def log_offset(text: str) -> int:
    """From where on a log is wanted, in bytes.

    Raises:
        InvalidRequestError: It is no number.
    """
    if _OFFSET.fullmatch(text):
        return int(text)
    raise InvalidRequestError(
        f"'offset' is {text[:40]!r}; give the next_offset of the answer before, or 0.",
        param="offset",
    )


def service_body(service: Service) -> dict[str, Any]:
    """`Service` field by field, its state also as `status`, its recipe also as `recipe_name`."""
    fields = cast("dict[str, Any]", msgspec.to_builtins(service))
    return {**fields, "status": fields["state"], "recipe_name": service.recipe}


def status_body(service: Service) -> dict[str, Any]:
    """How a service stands, and since when that is known."""
    return {
        "id": service.id,
        "service_id": service.id,
        "recipe_name": service.recipe,
        "status": str(service.state),
        "reason": service.reason,
        "healthy_replicas": _num_healthy(service),
        "total_replicas": service.num_replicas,
        "ends_at": service.ends_at,
        "as_of": service.as_of,
        "is_stale": service.is_stale,
    }


def log_body(service_id: str, text: str, offset: int, next_offset: int) -> dict[str, Any]:
    """A part of a log; `next_offset` is where the next one begins."""
    return {"id": service_id, "logs": text, "offset": offset, "next_offset": next_offset}


def updated_body(service: Service) -> dict[str, Any]:
    """The answer to whoever has cancelled a service."""
    return {
        "success": True,
        "message": f"Service {service.id} status updated to cancelled",
        "service_id": service.id,
        "id": service.id,
        "recipe_name": service.recipe,
        "status": str(service.state),
    }


def checked_group(service: Service) -> Service:
    """The service, if it is a group.

    Raises:
        ServiceNotFoundError: It is a single one.
    """
    if service.is_group:
        return service
    raise ServiceNotFoundError(
        f"{service.id} is a single service: see /api/v1/services/{service.id}.", param="id"
    )


def group_body(service: Service) -> dict[str, Any]:
    """A group: its service, and of its replicas the jobs, the ports and their health."""
    return {
        **service_body(service),
        **_counts(service),
        "job_ids": [service.id],
        "ports": [replica.port for replica in service.replicas],
    }


def group_status_body(service: Service) -> dict[str, Any]:
    """How a group stands as a whole, and each of its replicas."""
    return {
        **_counts(service),
        "id": service.id,
        "recipe_name": service.recipe,
        "status": str(service.state),
        "reason": service.reason,
        "replica_statuses": [_replica_status(replica) for replica in service.replicas],
        "as_of": service.as_of,
        "is_stale": service.is_stale,
    }


def group_updated_body(service: Service) -> dict[str, Any]:
    """The answer to whoever has cancelled a group."""
    return {
        "success": True,
        "message": f"Service group {service.id} status updated to cancelled",
        "group_id": service.id,
        "replicas_updated": service.num_replicas,
    }


def recipe_body(recipe: Recipe) -> dict[str, Any]:
    """A recipe without the command: what it is for, what it needs and what may be set."""
    return {
        "name": recipe.name,
        "kind": recipe.kind,
        "description": recipe.description,
        "resources": msgspec.to_builtins(recipe.resources),
        "environment": dict(recipe.environment),
        "settable": list(recipe.settable),
        "gpu_per_replica": recipe.gpu_per_replica,
        "replicas": recipe.replicas,
        "max_nodes": recipe.max_nodes,
    }


def _counts(service: Service) -> dict[str, Any]:
    return {
        "group_id": service.id,
        "overall_status": _overall(service),
        "healthy_replicas": _num_healthy(service),
        "total_replicas": service.num_replicas,
    }


def _overall(service: Service) -> str:
    """`running` while all replicas are healthy, `partially_running` while some are."""
    if service.state is not ServiceState.RUNNING:
        return str(service.state)
    num_healthy = _num_healthy(service)
    if num_healthy == service.num_replicas:
        return "running"
    return "partially_running" if num_healthy else "unhealthy"


def _num_healthy(service: Service) -> int:
    return sum(replica.is_healthy for replica in service.replicas)


def _replica_status(replica: Replica) -> dict[str, Any]:
    return {
        **dataclasses.asdict(replica),
        "status": str(replica.state),
        "endpoint": f"http://{replica.host}:{replica.port}{replica.base_path}",
    }
