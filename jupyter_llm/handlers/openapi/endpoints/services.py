"""Services: jobs that are started from recipes, and groups of their replicas."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Literal, TypedDict

from jupyter_llm.handlers.wire.services import CreateBody, ServiceBody, StatusBody
from jupyter_llm.types import Replica, ServiceKind, ServiceState

from .endpoint import NAMED, REGISTRY, Endpoint, Parameter


class Services(TypedDict):
    """Every service of the caller."""

    services: list[ServiceBody]  # type: ignore[valid-type]  # made of the fields of Service


class ServiceStatus(TypedDict):
    """How a service stands."""

    id: str
    service_id: str
    recipe_name: str
    status: ServiceState
    reason: str
    healthy_replicas: int
    total_replicas: int
    ends_at: float | None
    as_of: float
    is_stale: bool


class ServiceUpdated(TypedDict):
    """A service that was cancelled, or had ended before."""

    success: bool
    message: str
    service_id: str
    id: str
    recipe_name: str
    status: ServiceState


class ServiceLog(TypedDict):
    """A part of what a service has written."""

    id: str
    logs: str
    offset: int
    next_offset: int


OverallStatus = Literal[
    "pending",
    "configuring",
    "running",
    "partially_running",
    "unhealthy",
    "completed",
    "failed",
    "cancelled",
    "timeout",
    "node_fail",
]


class Group(TypedDict):
    """A group; beside these it has every field of its service."""

    group_id: str
    overall_status: OverallStatus
    healthy_replicas: int
    total_replicas: int
    job_ids: list[str]
    ports: list[int]
    replicas: list[Replica]


class Groups(TypedDict):
    """Every group of the caller."""

    groups: list[Group]


class ReplicaStatus(TypedDict):
    """How one replica stands."""

    id: str
    index: int
    host: str
    port: int
    state: ServiceState
    status: ServiceState
    is_healthy: bool
    endpoint: str


class GroupStatus(TypedDict):
    """How a group stands, and each of its replicas."""

    group_id: str
    overall_status: OverallStatus
    healthy_replicas: int
    total_replicas: int
    replica_statuses: list[ReplicaStatus]


class GroupUpdated(TypedDict):
    """A group that was cancelled, or had ended before."""

    success: bool
    message: str
    group_id: str
    replicas_updated: int


class RecipeBody(TypedDict):
    """A recipe: what it needs, and what of it may be changed."""

    name: str
    kind: ServiceKind
    description: str
    resources: dict[str, Any]
    environment: dict[str, str | None]
    settable: list[str]
    gpu_per_replica: int | None
    replicas: int
    max_nodes: int


class Recipes(TypedDict):
    """Every recipe."""

    recipes: list[RecipeBody]


_CANCELLED = {"status": "cancelled"}
_OF_ONE = NAMED | REGISTRY

ENDPOINTS: dict[str, Endpoint] = {
    "GET /api/v1/recipes": Endpoint(answer=Recipes),
    "GET /api/v1/recipes/{id}": Endpoint(answer=RecipeBody, errors=NAMED),
    "GET /api/v1/services": Endpoint(answer=Services, errors=REGISTRY),
    "POST /api/v1/services": Endpoint(
        body=CreateBody,
        example={
            "recipe_name": "inference/vllm-single-node",
            "config": {
                "environment": {"VLLM_MODEL": "gpt2"},
                "resources": {"gpu": "4", "time_limit": 120},
            },
        },
        answer=ServiceBody,
        status=HTTPStatus.CREATED,
        errors=_OF_ONE,
    ),
    "GET /api/v1/services/{id}": Endpoint(answer=ServiceBody, errors=_OF_ONE),
    "DELETE /api/v1/services/{id}": Endpoint(answer=ServiceUpdated, errors=_OF_ONE),
    "GET /api/v1/services/{id}/status": Endpoint(answer=ServiceStatus, errors=_OF_ONE),
    "POST /api/v1/services/{id}/status": Endpoint(
        body=StatusBody, example=_CANCELLED, answer=ServiceUpdated, errors=_OF_ONE
    ),
    "GET /api/v1/services/{id}/logs": Endpoint(
        query=(
            Parameter(
                name="offset",
                description="the byte to begin with: next_offset of the answer before",
                schema={"type": "integer", "minimum": 0, "maximum": 10**15 - 1, "default": 0},
            ),
        ),
        answer=ServiceLog,
        errors=_OF_ONE,
    ),
    "GET /api/v1/service-groups": Endpoint(answer=Groups, errors=REGISTRY),
    "GET /api/v1/service-groups/{id}": Endpoint(answer=Group, errors=_OF_ONE),
    "DELETE /api/v1/service-groups/{id}": Endpoint(answer=GroupUpdated, errors=_OF_ONE),
    "GET /api/v1/service-groups/{id}/status": Endpoint(answer=GroupStatus, errors=_OF_ONE),
    "POST /api/v1/service-groups/{id}/status": Endpoint(
        body=StatusBody, example=_CANCELLED, answer=GroupUpdated, errors=_OF_ONE
    ),
}
