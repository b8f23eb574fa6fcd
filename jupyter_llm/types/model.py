"""What a model is, where it stands and how to load it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from jupyter_llm.types.memory import MemoryUse


class ModelState(StrEnum):
    """Where a model stands on its way into memory and out of it."""

    UNLOADED = "unloaded"
    QUEUED = "queued"
    LOADING = "loading"
    READY = "ready"
    UNLOADING = "unloading"
    FAILED = "failed"


class ModelSource(StrEnum):
    """Where a model's files lie; `path` is a file that the operator named, `remote` elsewhere."""

    BUILT_IN = "built-in"
    MODELS_DIR = "models_dir"
    SHARED = "shared"
    HF_CACHE = "hf_cache"
    PATH = "path"
    REMOTE = "remote"


@dataclass(frozen=True, kw_only=True, slots=True)
class Model:
    """A model that can be loaded: what its files say of themselves.

    `path` is absolute (empty for a model without files) and a folder for safetensors,
    `context_length` the length in tokens it was trained for, `engine` the engine that
    runs it, empty where none here does. `modalities` are those that go in or come out:
    `text`, `image`, `audio`, `embedding`, `rerank`; `projector_path` is the file that
    it sees or hears with. `num_kv_values` is how many numbers the KV cache keeps for
    each token, 0 where there is none or the files do not say.
    """

    id: str
    path: str = ""
    format: str
    engine: str
    size_bytes: int = 0
    architecture: str = ""
    quantization: str = ""
    num_parameters: int = 0
    context_length: int = 0
    has_chat_template: bool = True
    modalities: tuple[str, ...] = ("text",)
    licence: str = ""
    projector_path: str = ""
    source: ModelSource = ModelSource.MODELS_DIR
    num_kv_values: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Adapter:
    """A LoRA adapter: weights that change a model of the same architecture.

    `path` is absolute; `base_model` is the name of the model it was trained for, empty
    where its file does not say.
    """

    id: str
    path: str
    format: str
    architecture: str = ""
    base_model: str = ""
    size_bytes: int = 0
    source: ModelSource = ModelSource.MODELS_DIR


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadOptions:
    """How to load a model; `None` leaves the choice to the engine.

    `context_length` bounds one sequence, `num_kv_cells` is the KV cache that all
    `slots` share (both in tokens). `num_gpu_layers` of -1 means every layer. `adapters`
    are LoRA adapters that change its weights: names, which become paths for the engine.
    `speculation` is how tokens are guessed ahead, `prompt_lookup`, `draft_model` or `none`;
    `draft_model` is the model that guesses, by its name, which becomes a path for the
    engine. Empty names none. Over several GPUs a model is spread by `split_mode`, whole
    layers (`layer`), parts of each (`row`) or not at all (`none`), in the proportions of
    `tensor_split`.
    """

    context_length: int | None = None
    slots: int | None = None
    num_kv_cells: int | None = None
    num_threads: int | None = None
    batch_size: int | None = None
    num_gpu_layers: int | None = None
    kv_type: str | None = None
    adapters: tuple[str, ...] | None = None
    speculation: str | None = None
    draft_model: str | None = None
    split_mode: str | None = None
    tensor_split: tuple[float, ...] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelSettings:
    """What people have decided about one model; what is empty they leave to the server.

    `keep_alive_s` may be infinite.
    """

    aliases: tuple[str, ...] = ()
    options: LoadOptions = field(default_factory=LoadOptions)
    is_pinned: bool = False
    keep_alive_s: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class EngineStats:
    """A snapshot of a loaded engine; counters grow from zero at load.

    `decode_s` is the time spent in the model's forward pass, `step_s` the whole
    time of the steps around it. `can_fill_gaps` says whether the model writes what stands
    between a prompt and its `suffix`.
    """

    slots: int = 0
    context_length: int = 0
    can_fill_gaps: bool = False
    num_kv_cells: int = 0
    num_kv_cells_used: int = 0
    num_running: int = 0
    num_waiting: int = 0
    num_steps: int = 0
    num_prompt_tokens: int = 0
    num_cached_tokens: int = 0
    num_completion_tokens: int = 0
    num_preemptions: int = 0
    decode_s: float = 0.0
    step_s: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelStatus:
    """A model and where it stands.

    `progress` is the part of the load that is done (0 to 1), `error` the reason
    of `failed` in words, `stats` what its engine reports while it is ready. Nobody using
    it, it leaves memory after `keep_alive_s`, at `expires_at` (seconds since the epoch);
    `None` stands for never, and while somebody uses it nobody knows when.
    """

    model: Model
    state: ModelState
    progress: float = 0.0
    error: str = ""
    memory: MemoryUse = field(default_factory=MemoryUse)
    stats: EngineStats = field(default_factory=EngineStats)
    keep_alive_s: float | None = None
    expires_at: float | None = None


class Fit(StrEnum):
    """Whether a model runs in the memory of this machine: well, barely, or not."""

    FITS = "fits"
    TIGHT = "tight"
    WILL_NOT_FIT = "will not fit"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True, slots=True)
class ListedModel:
    """A model of a listing: where it stands, what it would take, and whether that fits.

    `estimate` is what it takes, if it is in memory or was tried; else what its files let
    expect. `unavailable` says why no engine here runs it, empty where one does.
    """

    status: ModelStatus
    estimate: MemoryUse = field(default_factory=MemoryUse)
    fit: Fit = Fit.UNKNOWN
    unavailable: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class RemovedModel:
    """A model that was deleted, with its files; `freed_bytes` are free on the disk again."""

    model_id: str
    freed_bytes: int


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelUsage:
    """What a model has done for all its requests, on one day of UTC or ever (`day` empty)."""

    model_id: str
    day: str = ""
    num_requests: int = 0
    num_prompt_tokens: int = 0
    num_completion_tokens: int = 0
