"""Prompts to inference services, and what could be served."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, TypedDict

from jupyter_llm.handlers.wire.completion_request import CompletionBody
from jupyter_llm.types import Fit

from .downloads import HubRepository
from .endpoint import GENERATES, HUB, NAMED, Endpoint, Parameter

_SERVICE = NAMED | {HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE}


class ExampleModel(TypedDict):
    """A model to begin with."""

    architecture: str
    model: str


class AvailableModels(TypedDict):
    """What vLLM serves."""

    default_model: str
    supported_architectures: list[str]
    examples: list[ExampleModel]


class FoundModel(HubRepository):
    """A model of the Hub."""

    task: str


class FoundModels(TypedDict):
    """What a search has found."""

    query: str
    models: list[FoundModel]


class ModelInfo(FoundModel):
    """What is to be known of a model before it is served."""

    architectures: list[str]
    num_parameters: int | None
    format: str | None
    size_bytes: int | None
    compatible_engines: list[str]
    fits: Fit


class InferenceServices(TypedDict):
    """Services that run models."""

    services: list[dict[str, Any]]


class ServedModels(TypedDict):
    """The models of a service."""

    service_id: str
    models: list[str]


class PromptAnswer(TypedDict):
    """An answer, and the replica that has given it."""

    success: bool
    id: str
    service_id: str
    model: str
    text: str
    finish_reason: str
    routed_to: str
    group_id: str | None
    total_replicas: int
    usage: dict[str, int] | None


ENDPOINTS: dict[str, Endpoint] = {
    "GET /api/v1/vllm/available-models": Endpoint(answer=AvailableModels),
    "GET /api/v1/vllm/search-models": Endpoint(
        query=(
            Parameter(name="query", description="words to look for"),
            Parameter(
                name="limit",
                description="how many to list",
                schema={"type": "integer", "minimum": 1, "maximum": 100, "default": 10},
            ),
        ),
        answer=FoundModels,
        errors=HUB,
    ),
    "GET /api/v1/vllm/model-info/{id}": Endpoint(answer=ModelInfo, errors=HUB),
    "GET /api/v1/vllm/services": Endpoint(answer=InferenceServices, errors=_SERVICE),
    "GET /api/v1/vllm/{id}/models": Endpoint(answer=ServedModels, errors=_SERVICE),
    "POST /api/v1/vllm/{id}/prompt": Endpoint(
        body=CompletionBody,
        example={"prompt": "Tell me a joke about programming", "max_tokens": 100},
        answer=PromptAnswer,
        errors=GENERATES | _SERVICE,
    ),
    "GET /api/v1/vllm/{id}/metrics": Endpoint(content_type="text/plain", errors=_SERVICE),
}
