"""Models from the Hub: what is there, and what is on its way."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, TypedDict

from jupyter_llm.handlers.wire.downloads import DownloadBody
from jupyter_llm.types import Download

from .endpoint import HUB, NAMED, REGISTRY, Endpoint, Parameter


class Downloads(TypedDict):
    """Every download that is known."""

    downloads: list[Download]


class HubRepository(TypedDict):
    """A repository of the Hub."""

    id: str
    licence: str
    gated: bool
    downloads: int
    likes: int


class HubRepositories(TypedDict):
    """What a search has found."""

    models: list[HubRepository]


class HubFiles(HubRepository):
    """A repository and what could be downloaded of it."""

    files: list[dict[str, Any]]


ENDPOINTS: dict[str, Endpoint] = {
    "POST /api/admin/models/download": Endpoint(
        body=DownloadBody,
        example={"repo_id": "Qwen/Qwen3-0.6B-GGUF"},
        answer=Download,
        status=HTTPStatus.ACCEPTED,
        errors=HUB,
    ),
    "GET /api/admin/downloads": Endpoint(answer=Downloads),
    "GET /api/admin/downloads/{id}": Endpoint(answer=Download, errors=NAMED),
    "DELETE /api/admin/downloads/{id}": Endpoint(
        query=(
            Parameter(
                name="dismiss",
                description="whether to delete what has come and forget the download",
                schema={"type": "boolean", "default": False},
            ),
        ),
        answer=Download,
        errors=NAMED | REGISTRY | {HTTPStatus.BAD_GATEWAY},
    ),
    "GET /api/admin/hub": Endpoint(
        query=(
            Parameter(name="search", description="words to look for"),
            Parameter(
                name="limit",
                description="how many to list",
                schema={"type": "integer", "minimum": 1, "maximum": 100, "default": 10},
            ),
        ),
        answer=HubRepositories,
        errors=HUB,
    ),
    "GET /api/admin/hub/{id}": Endpoint(answer=HubFiles, errors=HUB),
}
