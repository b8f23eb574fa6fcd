"""The models: what there is, and what is in memory."""

from __future__ import annotations

from typing import Any, Literal, TypedDict

from jupyter_llm.handlers.wire.load_request import LoadBody, SwitchBody, UnloadBody
from jupyter_llm.types import Fit, Model, ModelState, ModelStatus

from .endpoint import HUB, LOADS, NAMED, Endpoint
from .examples import GUIDE


class LoadedModel(TypedDict):
    """A model after a load, a switch or an unload."""

    status: ModelState
    id: str
    model: ModelStatus


class DownloadedModel(TypedDict):
    """A model that is on the disk now."""

    status: Literal["downloaded"]
    repo_id: str
    filename: str
    path: str
    hint: str


class ModelList(TypedDict):
    """OpenAI's list of models, with the state of each."""

    object: Literal["list"]
    data: list[dict[str, Any]]


class CatalogueModel(TypedDict):
    """A model in full: what its files say, where it stands, what it would take."""

    model: Model
    state: ModelState
    progress: float
    error: str
    memory: dict[str, int]
    stats: dict[str, float | bool]
    estimate: dict[str, int]
    fit: Fit
    unavailable: str


class Catalogue(TypedDict):
    """Everything on the disk and in memory."""

    object: Literal["list"]
    data: list[CatalogueModel]
    active: dict[str, Any] | None
    available: list[dict[str, Any]]
    adapters: list[dict[str, Any]]
    unusable: list[dict[str, str]]
    models_dirs: list[str]
    hint: str


class UsableModel(TypedDict):
    """A model that can be used, in brief."""

    id: str
    name: str
    loaded: bool
    architecture: str
    quantization: str
    size_bytes: int
    context_length: int
    memory_bytes: int
    fit: Fit


class UsableModels(TypedDict):
    """The models that can be used."""

    models: list[UsableModel]


_MODEL = "openai.types:Model"

ENDPOINTS: dict[str, Endpoint] = {
    "GET /v1/models": Endpoint(answer=ModelList),
    "GET /v1/models/{id}": Endpoint(answer=_MODEL, errors=NAMED),
    "GET /models": Endpoint(answer=Catalogue),
    "GET /api/llms": Endpoint(answer=UsableModels),
    "POST /load": Endpoint(
        body=LoadBody,
        example=GUIDE,
        answer=(LoadedModel, DownloadedModel),
        errors=LOADS | HUB,
    ),
    "POST /switch": Endpoint(
        body=SwitchBody,
        is_body_optional=True,
        example=GUIDE,
        answer=LoadedModel,
        errors=LOADS,
    ),
    "POST /reload": Endpoint(
        body=SwitchBody,
        is_body_optional=True,
        example=GUIDE,
        answer=LoadedModel,
        errors=LOADS,
    ),
    "POST /unload": Endpoint(
        body=UnloadBody,
        is_body_optional=True,
        example=GUIDE,
        answer=LoadedModel,
        errors=NAMED,
    ),
}
