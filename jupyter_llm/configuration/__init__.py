"""What an operator can set, and what the parts of the server make of it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, cast

from jupyter_llm.configuration.engine import EngineTraits
from jupyter_llm.configuration.library import LibraryTraits
from jupyter_llm.configuration.memory import MemoryTraits
from jupyter_llm.configuration.remotes import RemoteTraits
from jupyter_llm.configuration.requests import RequestTraits
from jupyter_llm.configuration.services import ServiceTraits
from jupyter_llm.configuration.vectors import VectorTraits
from jupyter_llm.manager.settings import EvictionPolicy, ManagerSettings

if TYPE_CHECKING:
    from jupyter_llm.engines.select import Isolation


class Configuration(
    LibraryTraits,
    RemoteTraits,
    ServiceTraits,
    MemoryTraits,
    EngineTraits,
    RequestTraits,
    VectorTraits,
):
    """The traits of `LLMExtension`; each names the environment variables of its default."""

    def manager_settings(self, *, under_hub: bool) -> ManagerSettings:
        """What the manager works by."""
        allow_all = not self.allowed_models or "*" in self.allowed_models
        return ManagerSettings(
            models_dirs=tuple(map(str, self.model_folders())),
            shared_models_dirs=tuple(self.shared_models_dirs),
            hf_cache_dir=self.hf_cache_dir,
            allowed_models=None if allow_all else tuple(self.allowed_models),
            default_model=self.default_model,
            default_options=self.load_options(),
            model_options=self.options_by_model(),
            aliases=self.model_aliases,
            pinned_models=tuple(self.pinned_models),
            keep_alive_s=self.keep_alive_s if self.keep_alive_s >= 0 else math.inf,
            memory_budget_bytes=self.memory_budget_bytes,
            memory_margin_bytes=self.memory_margin_bytes,
            eviction=EvictionPolicy(
                patience_s=self.eviction_patience_s, max_wait_s=self.eviction_wait_s
            ),
            failed_load_cooldown_s=self.failed_load_cooldown_s,
            remotes=self.known_remotes(),
            isolation=cast("Isolation", self.isolation),
            under_hub=under_hub,
            max_queued_requests=self.max_queued_requests,
            max_queued_requests_per_user=self.max_queued_requests_per_user,
            queue_timeout_s=self.queue_timeout_s,
            load_timeout_s=self.load_timeout_s,
        )
