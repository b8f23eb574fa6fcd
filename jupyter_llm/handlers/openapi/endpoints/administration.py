"""What an operator decides about models."""

from __future__ import annotations

from typing import Any, Literal, TypedDict

from jupyter_llm.handlers.wire.admin import SettingsBody
from jupyter_llm.handlers.wire.load_request import LoadBody
from jupyter_llm.types import MemoryUse, Model, ModelState

from .endpoint import LOADS, NAMED, REGISTRY, Endpoint
from .models import LoadedModel
from .server import RegistryState


class ConfiguredModel(TypedDict):
    """What the operator's configuration says of a model."""

    aliases: list[str]
    options: dict[str, Any]
    pinned: bool


class SettingsAnswer(TypedDict):
    """What was decided about a model; `keep_alive_s` is -1 for ever."""

    id: str
    aliases: list[str]
    options: dict[str, Any]
    pinned: bool
    keep_alive_s: float | None
    configured: ConfiguredModel


class Usage(TypedDict):
    """What a model has done so far."""

    num_requests: int
    num_prompt_tokens: int
    num_completion_tokens: int


class AdminModel(TypedDict):
    """A model with its settings, its past and its use."""

    id: str
    model: Model
    state: ModelState
    progress: float
    error: str
    memory: MemoryUse
    settings: SettingsAnswer
    first_seen_at: float | None
    last_seen_at: float | None
    last_used_at: float | None
    usage: Usage


class AdminModels(TypedDict):
    """Every model, and whether the registry could be asked."""

    models: list[AdminModel]
    registry: RegistryState


class RemovedModel(TypedDict):
    """A model whose files are deleted."""

    status: Literal["removed"]
    id: str
    freed_bytes: int


ENDPOINTS: dict[str, Endpoint] = {
    "GET /api/admin/models": Endpoint(answer=AdminModels),
    "GET /api/admin/models/{id}": Endpoint(answer=AdminModel, errors=NAMED),
    "DELETE /api/admin/models/{id}": Endpoint(answer=RemovedModel, errors=NAMED | REGISTRY),
    "POST /api/admin/models/{id}/load": Endpoint(
        body=LoadBody,
        is_body_optional=True,
        example={"context_length": 1024},
        answer=LoadedModel,
        errors=LOADS,
    ),
    "POST /api/admin/models/{id}/unload": Endpoint(answer=LoadedModel, errors=NAMED),
    "GET /api/admin/models/{id}/settings": Endpoint(answer=SettingsAnswer, errors=NAMED | REGISTRY),
    "POST /api/admin/models/{id}/settings": Endpoint(
        body=SettingsBody,
        example={"aliases": ["gpt-4o"], "keep_alive": "1h"},
        answer=SettingsAnswer,
        errors=NAMED | REGISTRY,
    ),
    "DELETE /api/admin/models/{id}/settings": Endpoint(
        answer=SettingsAnswer, errors=NAMED | REGISTRY
    ),
}
