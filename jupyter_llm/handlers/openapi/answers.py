"""The answers of this server's own routes; those of OpenAI's are in the `openai` package.

They describe what `wire/` builds, field by field, and a test holds real answers against them.
"""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict

from jupyter_llm.engines.select import EngineInfo
from jupyter_llm.types import Device, Download, Fit, MemoryUse, Model, ModelState, ModelStatus


class Error(TypedDict):
    """What went wrong and what to do next; `code` is a stable word for programs."""

    message: str
    type: str
    param: str | None
    code: str | None
    need_bytes: NotRequired[int]
    free_bytes: NotRequired[int]
    suggestions: NotRequired[list[dict[str, Any]]]


class ErrorBody(TypedDict):
    """Every error has this form, which is OpenAI's."""

    error: Error


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


class PromptUsage(TypedDict):
    """What a model has read."""

    prompt_tokens: int
    total_tokens: int


class Embedding(TypedDict):
    """The vector of one text: numbers, or float32 (little-endian) in base64."""

    object: Literal["embedding"]
    index: int
    embedding: list[float] | str


class EmbeddingList(TypedDict):
    """OpenAI's list of embeddings, in the order of the texts."""

    object: Literal["list"]
    data: list[Embedding]
    model: str
    usage: PromptUsage


class Document(TypedDict):
    """What was ranked."""

    text: str


class RankedDocument(TypedDict):
    """A document by its place in the request, and how relevant it is, 0 to 1."""

    index: int
    relevance_score: float
    document: NotRequired[Document]


class RankedDocuments(TypedDict):
    """The documents, most relevant first."""

    id: str
    object: Literal["list"]
    model: str
    results: list[RankedDocument]
    usage: PromptUsage


class Token(TypedDict):
    """A token and its text, or its bytes where it is part of a character."""

    id: int
    piece: str | list[int]


class Tokens(TypedDict):
    """What the model would read; `max_model_len` is how much it can."""

    tokens: list[int | Token]
    count: int
    max_model_len: int
    token_strs: NotRequired[list[str]]


class Detokenized(TypedDict):
    """The text, by three names."""

    text: str
    content: str
    prompt: str


class AnthropicError(TypedDict):
    """What went wrong, in Anthropic's kinds; `param` and `code` are as everywhere else."""

    type: str
    message: str
    param: str | None
    code: str | None
    need_bytes: NotRequired[int]
    free_bytes: NotRequired[int]
    suggestions: NotRequired[list[dict[str, Any]]]


class AnthropicErrorBody(TypedDict):
    """Every error of Anthropic's routes has this form."""

    type: Literal["error"]
    error: AnthropicError


class AnthropicMessage(TypedDict):
    """Anthropic's `Message`."""

    id: str
    type: Literal["message"]
    role: Literal["assistant"]
    model: str
    content: list[dict[str, Any]]
    stop_reason: Literal["end_turn", "max_tokens", "stop_sequence", "tool_use"]
    stop_sequence: str | None
    usage: dict[str, Any]


class AnthropicEvent(TypedDict):
    """One of Anthropic's `RawMessageStreamEvent`."""

    type: str


class AnthropicTokenCount(TypedDict):
    """Anthropic's `MessageTokensCount`."""

    input_tokens: int


class TextUsage(PromptUsage):
    """What a model has read and written."""

    completion_tokens: int


class Generated(TypedDict):
    """What follows a prompt; in a stream, what is new of it, and the ends in the last event."""

    id: str
    model: str
    created: int
    text: str
    reasoning_content: NotRequired[str]
    finish_reason: NotRequired[str]
    usage: NotRequired[TextUsage]
    timings: NotRequired[dict[str, float]]


class SaidMessage(TypedDict):
    """What the assistant says."""

    role: Literal["assistant"]
    content: str
    reasoning_content: NotRequired[str]


class ChatAnswer(TypedDict):
    """The next turn; in a stream, what is new of it, and the ends in the last event."""

    id: str
    model: str
    created: int
    message: SaidMessage
    finish_reason: NotRequired[str]
    usage: NotRequired[TextUsage]
    timings: NotRequired[dict[str, float]]


class Extraction(TypedDict):
    """Data, and the JSON text that it was read from; null where `max_tokens` cut that."""

    id: str
    object: Literal["extraction"]
    created: int
    model: str
    data: Any
    text: str
    finish_reason: str
    usage: TextUsage | None
    timings: NotRequired[dict[str, float]]


class DeletedResponse(TypedDict):
    """A stored response that is there no more."""

    id: str
    object: Literal["response"]
    deleted: Literal[True]


class DeletedStream(TypedDict):
    """A stream that was stopped and cannot be resumed any more."""

    id: str
    object: Literal["stream"]
    deleted: Literal[True]


class InputItems(TypedDict):
    """A page of what a response was asked with, OpenAI's `ResponseItem` each."""

    object: Literal["list"]
    data: list[dict[str, Any]]
    first_id: str | None
    last_id: str | None
    has_more: bool


class CatalogueModel(TypedDict):
    """A model in full: what its files say, where it stands, what it would take."""

    model: Model
    state: ModelState
    progress: float
    error: str
    memory: dict[str, int]
    stats: dict[str, float]
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


class Key(TypedDict):
    """An API key; times are those of ISO 8601, in UTC."""

    name: str
    created: str
    expires: str | None
    scopes: list[str]
    models: list[str] | None
    requests_per_minute: int
    tokens_per_day: int
    tokens_today: int


class Keys(TypedDict):
    """Every API key of this server."""

    keys: list[Key]


class CreatedKey(Key):
    """A new key; this is the one time that it is shown."""

    key: str


class RevokedKey(TypedDict):
    """A key that is worth nothing any more."""

    status: Literal["revoked"]
    name: str
