"""Services, which run as jobs of their own: asked for, looked at and stopped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from jupyter_llm.types import Service

from .work import Work

_SERVICES = "api/v1/services"


@dataclass(frozen=True, kw_only=True, slots=True)
class RecipeSummary:
    """What can be started: `name`, and what it is for."""

    name: str
    kind: str
    description: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class LogPart:
    """What a service has written, from one place to `offset`, in bytes, where it goes on."""

    text: str
    offset: int


def recipes() -> Work[tuple[RecipeSummary, ...]]:
    """The recipes that the server has."""
    return Work(path="api/v1/recipes", body=None, read=_recipes)


def services() -> Work[tuple[Service, ...]]:
    """One's own services, those that have ended too, the latest first."""
    return Work(path=_SERVICES, body=None, read=_services)


def service(service_id: str) -> Work[Service]:
    """One of them."""
    return Work(path=_path(service_id), body=None, read=_service)


def start(recipe: str, config: Mapping[str, Any]) -> Work[Service]:
    """Start a service; the answer comes once it is submitted, long before it runs.

    `config` overrides what the recipe has: `environment`, `resources`, `gpu_per_replica`.
    """
    body = {"recipe_name": recipe, "config": dict(config)}
    return Work(path=_SERVICES, body=body, read=_service)


def stop(service_id: str) -> Work[None]:
    """Cancel a service; what is known of it is kept."""
    body = {"status": "cancelled"}
    return Work(path=f"{_path(service_id)}/status", body=body, read=lambda _: None)


def log(service_id: str, offset: int = 0) -> Work[LogPart]:
    """A part of what it has written, from `offset` on, in bytes; empty at the end."""
    return Work(path=f"{_path(service_id)}/logs?offset={offset}", body=None, read=_log)


def _path(service_id: str) -> str:
    return f"{_SERVICES}/{quote(service_id, safe='')}"


def _recipes(answer: dict[str, Any]) -> tuple[RecipeSummary, ...]:
    import msgspec

    return msgspec.convert(answer["recipes"], tuple[RecipeSummary, ...])


def _services(answer: dict[str, Any]) -> tuple[Service, ...]:
    found: Sequence[dict[str, Any]] = answer["services"]
    return tuple(map(_service, found))


def _service(answer: dict[str, Any]) -> Service:
    import msgspec

    return msgspec.convert(answer, Service)


def _log(answer: dict[str, Any]) -> LogPart:
    return LogPart(text=answer["logs"], offset=answer["next_offset"])
