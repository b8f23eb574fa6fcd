"""What the handlers are given to work with."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from jupyter_llm.manager.view import ManagerView

from .wire.reply import load_response_types

if TYPE_CHECKING:
    from jupyter_llm.hardware.sampler import Sampler
    from jupyter_llm.hardware.survey import Survey
    from jupyter_llm.library.hub.pull import Puller
    from jupyter_llm.manager.first_model import FirstModel
    from jupyter_llm.manager.manager import ModelManager
    from jupyter_llm.manager.quotas import Quotas
    from jupyter_llm.manager.removal import Remover
    from jupyter_llm.manager.replays import Replays
    from jupyter_llm.manager.service_models import ServiceModels
    from jupyter_llm.registry.database import Registry
    from jupyter_llm.registry.keys import KeyStore
    from jupyter_llm.registry.recorder import Recorder
    from jupyter_llm.registry.responses import ResponseStore
    from jupyter_llm.services.services import Services
    from jupyter_llm.telemetry.events import EventBus
    from jupyter_llm.telemetry.metrics import Metrics
    from jupyter_llm.vectors.databases import VectorDatabases

    from .caller import Caller
    from .media import Media
    from .wire.sampling import SamplingDefaults


class ResponseTypes:
    """The `openai` package's response types, imported once, in a thread, when needed."""

    def __init__(self) -> None:
        self._import: asyncio.Task[None] | None = None

    def begin(self) -> asyncio.Task[None]:
        """Start the import, while the caller has other things to wait for."""
        if self._import is None:
            self._import = asyncio.create_task(asyncio.to_thread(load_response_types))
        return self._import

    async def ready(self) -> None:
        """Wait until they can be used without holding up the event loop."""
        # shielded: a client that leaves does not stop the import for the others
        await asyncio.shield(self.begin())


@dataclass(frozen=True, kw_only=True, slots=True)
class Context:
    """The one object behind every route.

    `kernel_key` is the secret that this server's kernels use; with `None` for it
    and for `keys`, as under JupyterHub, Jupyter's own authentication serves alone.
    `started_at` is in seconds since the epoch; `service_admins` may see all services.
    """

    manager: ModelManager
    puller: Puller
    memory: Sampler[Survey]
    first_model: FirstModel
    remover: Remover
    registry: Registry
    responses: ResponseStore
    replays: Replays
    recorder: Recorder
    metrics: Metrics
    events: EventBus
    services: Services
    service_admins: frozenset[str]
    service_models: ServiceModels
    quotas: Quotas
    vectors: VectorDatabases
    keys: KeyStore | None
    kernel_key: str | None
    defaults: SamplingDefaults
    media: Media
    max_body_bytes: int
    started_at: int
    response_types: ResponseTypes = field(default_factory=ResponseTypes)

    def seen_by(self, caller: Caller, owner: str) -> Context:
        """The same for the requests of one caller, with the models that they may use.

        `owner` is whose services and stored responses are theirs; as for services, whoever has
        the server's own token knows everybody's.
        """
        knows_all = not owner or owner in self.service_admins
        allowed = caller.key.models if caller.key else None
        view = ManagerView(
            self.manager, user=caller.user, allowed=allowed, owner=None if knows_all else owner
        )
        return replace(self, manager=view)
