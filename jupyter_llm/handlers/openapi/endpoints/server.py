"""The server itself: its health, its memory, its engines, and this description."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Literal, TypedDict

from jupyter_llm.engines.select import EngineInfo
from jupyter_llm.types import Device

from .endpoint import NAMED, Endpoint


class Engines(TypedDict):
    """Every engine, installed or not."""

    object: Literal["list"]
    data: list[EngineInfo]


class Server(TypedDict):
    """A notebook server of this machine, and the bytes that its models hold by device."""

    user: str
    pid: int
    is_own: bool
    held: dict[str, int]


class Memory(TypedDict):
    """Whose the memory of each device is."""

    object: Literal["list"]
    data: list[Device]
    models: list[dict[str, Any]]
    servers: list[Server]
    hints: list[str]


class Health(TypedDict):
    """Where the server stands."""

    status: Literal["unloaded", "available", "ready"]
    default_model: str | None
    models: list[dict[str, Any]]
    hints: list[str]


class DetailedHealth(Health):
    """The same, and where each engine and each device stands."""

    engines: list[EngineInfo]
    devices: list[Device]
    device_hints: list[str]


class RegistryState(TypedDict):
    """Whether the registry can be used, and why not."""

    status: Literal["ready", "failed"]
    error: str


class ServerStatus(DetailedHealth):
    """The server at a glance; `downloads` counts those in each state."""

    version: str
    started_at: int
    downloads: dict[str, int]
    registry: RegistryState


class Alive(TypedDict):
    """The server answers."""

    status: Literal["alive"]


class Readiness(TypedDict):
    """Whether a model is in memory."""

    status: Literal["ready", "not_ready"]


ENDPOINTS: dict[str, Endpoint] = {
    "GET /backends": Endpoint(answer=Engines),
    "GET /vram": Endpoint(answer=Memory),
    "GET /admin": Endpoint(status=HTTPStatus.FOUND, content_type=""),
    "GET /admin/": Endpoint(
        content_type="text/html", errors=frozenset({HTTPStatus.NOT_IMPLEMENTED})
    ),
    "GET /admin/{id}": Endpoint(content_type="*/*", errors=NAMED | {HTTPStatus.NOT_IMPLEMENTED}),
    "GET /api/admin/status": Endpoint(answer=ServerStatus),
    "GET /ws": Endpoint(
        status=HTTPStatus.SWITCHING_PROTOCOLS,
        content_type="",
        errors=frozenset({HTTPStatus.UPGRADE_REQUIRED}),
    ),
    "GET /metrics": Endpoint(content_type="text/plain"),
    "GET /health": Endpoint(answer=Health),
    "GET /api/health": Endpoint(answer=DetailedHealth),
    "GET /health/live": Endpoint(answer=Alive),
    "GET /health/ready": Endpoint(
        answer=Readiness,
        others={HTTPStatus.SERVICE_UNAVAILABLE: Readiness},
    ),
    "GET /openapi.json": Endpoint(answer=dict),
    "GET /swagger-ui": Endpoint(
        content_type="text/html", errors=frozenset({HTTPStatus.NOT_IMPLEMENTED})
    ),
    "GET /swagger-ui/{id}": Endpoint(
        content_type="*/*", errors=NAMED | {HTTPStatus.NOT_IMPLEMENTED}
    ),
}
