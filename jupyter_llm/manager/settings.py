"""What an operator decides about the models of one server."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_llm.engines.remote.remotes import Remotes
from jupyter_llm.manager.turns import Bounds
from jupyter_llm.registry.settings import SavedSettings
from jupyter_llm.types import LoadOptions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jupyter_llm.engines.select import Isolation


@dataclass(frozen=True, kw_only=True, slots=True)
class RestartPolicy:
    """How often, and how fast, a model whose engine died is brought back.

    The first try comes after `first_delay_s`, each further one after `factor`
    times the last delay; `max_restarts` in a row are tried. An engine that has
    served for `healthy_after_s` starts a new row.
    """

    first_delay_s: float = 0.5
    factor: float = 2.0
    max_delay_s: float = 60.0
    max_restarts: int = 6
    healthy_after_s: float = 60.0


@dataclass(frozen=True, kw_only=True, slots=True)
class EvictionPolicy:
    """How long a model waits for memory that busy models hold.

    After `patience_s` they take no new requests until it had its turn; after
    `max_wait_s` it gives up.
    """

    patience_s: float = 10.0
    max_wait_s: float = 120.0


@dataclass(frozen=True, kw_only=True, slots=True)
class ManagerSettings:
    """Where models are found, which may be loaded, and what every wait is bounded by.

    `allowed_models` holds ids (`None` allows all). `default_model` answers where a
    request names none. `max_queued_requests` may wait in each model beside those in
    its slots, `max_queued_requests_per_user` of one user, for `queue_timeout_s`. A request
    waits for a restart that is at most `restart_patience_s` away.

    Models are looked for in `models_dirs`, in `shared_models_dirs`, in the cache of
    huggingface_hub at `hf_cache_dir` (empty for none), and where `default_model` and
    `aliases` name a file by its whole path.

    `aliases` are further names of models, `model_options` how single ones are loaded. A
    model that nobody uses leaves memory after `keep_alive_s`, one of `pinned_models` never.
    Together they may take `memory_budget_bytes` (0 for all there is), of which
    `memory_margin_bytes` are left free. A load that failed is not repeated by requests for
    `failed_load_cooldown_s`. A reload waits `drain_timeout_s` for what runs on the old one.

    `saved` is what others decide about single models; where an operator has decided the same,
    the operator's word counts. `remotes` are the services that models may run in.
    """

    models_dirs: tuple[str, ...] = ()
    shared_models_dirs: tuple[str, ...] = ()
    hf_cache_dir: str = ""
    allowed_models: tuple[str, ...] | None = None
    default_model: str = "guide"
    default_options: LoadOptions = field(default_factory=LoadOptions)
    model_options: Mapping[str, LoadOptions] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)
    pinned_models: tuple[str, ...] = ()
    saved: SavedSettings = field(default_factory=SavedSettings)
    remotes: Remotes = field(default_factory=Remotes)
    keep_alive_s: float = math.inf
    memory_budget_bytes: int = 0
    memory_margin_bytes: int = 0
    eviction: EvictionPolicy = field(default_factory=EvictionPolicy)
    failed_load_cooldown_s: float = 30.0
    isolation: Isolation = "auto"
    under_hub: bool = False
    max_queued_requests: int = 256
    max_queued_requests_per_user: int = 64
    queue_timeout_s: float = 600.0
    restart: RestartPolicy = field(default_factory=RestartPolicy)
    restart_patience_s: float = 8.0
    drain_timeout_s: float = 300.0
    load_timeout_s: float = 300.0
    unload_timeout_s: float = 20.0
    stop_timeout_s: float = 10.0

    @property
    def model_paths(self) -> tuple[str, ...]:
        """The files and folders that the operator has named by their whole paths."""
        names = (self.default_model, *self.aliases.values())
        return tuple(name for name in names if Path(name).is_absolute() or name.startswith("~"))

    @property
    def bounds(self) -> Bounds:
        """How many requests may wait at each model, and for how long."""
        return Bounds(
            max_waiting=self.max_queued_requests,
            max_waiting_per_user=self.max_queued_requests_per_user,
            timeout_s=self.queue_timeout_s,
        )

    def keep_alive_of(self, model_id: str) -> float:
        """Idle seconds after which this model leaves memory."""
        if self.is_pinned(model_id):
            return math.inf
        saved_s = self.saved.of(model_id).keep_alive_s
        return self.keep_alive_s if saved_s is None else saved_s

    def is_pinned(self, model_id: str) -> bool:
        """Whether this model stays in memory whatever happens."""
        return model_id in self.pinned_models or self.saved.of(model_id).is_pinned

    def options_of(self, model_id: str, asked: LoadOptions | None = None) -> LoadOptions:
        """How this model is loaded: as asked, else as it always is, else as every model is."""
        always = self.saved.of(model_id).options, self.model_options.get(model_id)
        given: dict[str, Any] = {}
        for options in (self.default_options, *always, asked):
            given |= {k: v for k, v in asdict(options or LoadOptions()).items() if v is not None}
        return LoadOptions(**given)

    def model_of(self, name: str) -> str:
        """The id that this is an alias of, or the name itself."""
        return self.aliases.get(name) or self.saved.model_of(name) or name
