"""The values that travel between the layers.

Every value is frozen and keyword-only; a name carries its unit (`_bytes`, `_s`,
`num_`). Storage, identity and behaviour live elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class ModelState(StrEnum):
    """Where a model stands on its way into memory and out of it."""

    UNLOADED = "unloaded"
    QUEUED = "queued"
    LOADING = "loading"
    READY = "ready"
    UNLOADING = "unloading"
    FAILED = "failed"


class FinishReason(StrEnum):
    """Why a generation ended, in OpenAI's words."""

    STOP = "stop"
    LENGTH = "length"


class ModelSource(StrEnum):
    """Where a model's files lie; `path` is a file that the operator named."""

    BUILT_IN = "built-in"
    MODELS_DIR = "models_dir"
    SHARED = "shared"
    HF_CACHE = "hf_cache"
    PATH = "path"


@dataclass(frozen=True, kw_only=True, slots=True)
class Model:
    """A model that can be loaded: what its files say of themselves.

    `path` is absolute (empty for a model without files) and a folder for safetensors,
    `context_length` the length in tokens it was trained for, `engine` the engine that
    runs it, empty where none here does. `modalities` are those that go in or come out:
    `text`, `image`, `audio`, `embedding`, `rerank`; `projector_path` is the file that
    it sees or hears with. `num_kv_values` is how many numbers the KV cache keeps for
    each token, 0 where the files do not say.
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
    """

    context_length: int | None = None
    slots: int | None = None
    num_kv_cells: int | None = None
    num_threads: int | None = None
    batch_size: int | None = None
    num_gpu_layers: int | None = None
    kv_type: str | None = None
    adapters: tuple[str, ...] | None = None


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
class MemoryUse:
    """Memory of one instance, in bytes, as reported when its model was loaded.

    `overhead_bytes` is what it keeps beside the rest, such as its vocabulary.
    """

    weights_bytes: int = 0
    kv_cache_bytes: int = 0
    compute_bytes: int = 0
    overhead_bytes: int = 0

    @property
    def total_bytes(self) -> int:
        """The sum of all parts."""
        return self.weights_bytes + self.kv_cache_bytes + self.compute_bytes + self.overhead_bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Suggestion:
    """How a model that does not fit would, and what it would take then.

    `model` is loaded with these `options` of a load beside the usual ones, after the
    models of `unload` have left.
    """

    model: str
    need_bytes: int
    options: Mapping[str, int | str] = field(default_factory=dict)
    unload: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class EngineStats:
    """A snapshot of a loaded engine; counters grow from zero at load.

    `decode_s` is the time spent in the model's forward pass, `step_s` the whole
    time of the steps around it.
    """

    slots: int = 0
    context_length: int = 0
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
    of `failed` in words, `stats` what its engine reports while it is ready.
    """

    model: Model
    state: ModelState
    progress: float = 0.0
    error: str = ""
    memory: MemoryUse = field(default_factory=MemoryUse)
    stats: EngineStats = field(default_factory=EngineStats)


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
class Device:
    """Memory of one device in bytes: a GPU, or the system's RAM (`kind="cpu"`).

    `used_bytes` counts everybody, `own_bytes` this server and its engines, and
    `other_servers_bytes` the models of other notebook servers on this machine.
    """

    id: str
    kind: str
    name: str
    total_bytes: int
    used_bytes: int
    own_bytes: int
    other_servers_bytes: int = 0


class DownloadState(StrEnum):
    """Where a download stands; one that was cancelled or failed can be resumed."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, kw_only=True, slots=True)
class Download:
    """Files of a Hub repository on their way to the disk.

    `path` is the model's file when all have arrived, `revision` the commit they are
    from. `eta_s` is the time that is left, `None` while nobody can tell.
    """

    id: str
    repo_id: str
    revision: str
    filenames: tuple[str, ...]
    path: str
    state: DownloadState
    size_bytes: int
    done_bytes: int = 0
    bytes_per_s: float = 0.0
    eta_s: float | None = None
    error: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: str
    content: str
    name: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class SamplingParams:
    """How to choose the next token, and when to stop.

    `max_tokens` of `None` means as many as the context holds; `seed` of `None`
    draws one; `num_top_logprobs` of `None` asks for no log-probabilities, 0 for
    the chosen token's alone. `logit_bias` pairs token ids with added logits.
    """

    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0
    seed: int | None = None
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    repeat_penalty: float = 1.0
    logit_bias: tuple[tuple[int, float], ...] = ()
    num_top_logprobs: int | None = None
    ignore_eos: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class GenerationRequest:
    """What one caller wants generated.

    Exactly one of `messages` (a conversation, rendered by the model's chat
    template), `prompt` (text taken as it is) and `prompt_tokens` is given.
    `keep_alive_s` is how long the model stays in memory afterwards; `None` changes
    nothing, infinity is for ever.
    """

    id: str
    model_id: str
    messages: tuple[Message, ...] | None = None
    prompt: str | None = None
    prompt_tokens: tuple[int, ...] | None = None
    sampling: SamplingParams = field(default_factory=SamplingParams)
    echo: bool = False
    keep_alive_s: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenAlternative:
    """A token that could have been chosen, with its natural log-probability.

    `text_bytes` are the token's own bytes: a token may hold half a character.
    """

    text: str
    text_bytes: bytes
    logprob: float


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenLogprob:
    """The chosen token and the likeliest ones at its place, likeliest first."""

    chosen: TokenAlternative
    top: tuple[TokenAlternative, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Usage:
    """Tokens of one request; `cached_tokens` is the part of the prompt not recomputed."""

    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelUsage:
    """What a model has done for all its requests, on one day of UTC or ever (`day` empty)."""

    model_id: str
    day: str = ""
    num_requests: int = 0
    num_prompt_tokens: int = 0
    num_completion_tokens: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Timings:
    """Where a request's time went, in seconds; prefill ends with the first token."""

    queue_s: float = 0.0
    prefill_s: float = 0.0
    decode_s: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenChunk:
    """Text that a request has just gained; the last chunk alone has the three ends."""

    text: str
    logprobs: tuple[TokenLogprob, ...] = ()
    finish_reason: FinishReason | None = None
    usage: Usage | None = None
    timings: Timings | None = None
