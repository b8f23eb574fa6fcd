"""The server extension: how its parts are put together, started and stopped."""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from jupyter_server.extension.application import ExtensionApp

from jupyter_llm import environment
from jupyter_llm.configuration import Configuration
from jupyter_llm.engines.select import device_of
from jupyter_llm.errors import LLMError
from jupyter_llm.handlers.context import Context
from jupyter_llm.handlers.media import Media
from jupyter_llm.handlers.routes import routes
from jupyter_llm.handlers.wire.hardware import vram_body
from jupyter_llm.hardware.sampler import Sampler
from jupyter_llm.library.hub.downloads import Downloads
from jupyter_llm.library.hub.pull import Puller
from jupyter_llm.manager.first_model import FirstModel
from jupyter_llm.manager.listeners import Listeners
from jupyter_llm.manager.manager import ModelManager
from jupyter_llm.manager.quotas import Quotas
from jupyter_llm.manager.removal import Remover
from jupyter_llm.manager.replays import Replays
from jupyter_llm.manager.service_models import ServiceModels
from jupyter_llm.registry.database import Registry
from jupyter_llm.registry.downloads import DownloadRecords
from jupyter_llm.registry.keys import KeyStore, default_path, new_secret
from jupyter_llm.registry.recorder import Recorder
from jupyter_llm.registry.responses import ResponseStore
from jupyter_llm.registry.settings import SavedSettings
from jupyter_llm.telemetry.events import EventBus
from jupyter_llm.telemetry.jupyter_events import StateEvents
from jupyter_llm.telemetry.metrics import Metrics
from jupyter_llm.telemetry.pulse import Pulse
from jupyter_llm.types import (
    Download,
    DownloadState,
    ModelState,
    ModelStatus,
    ModelUsage,
    QueuePosition,
    RemovedModel,
    Service,
)

if TYPE_CHECKING:
    from jupyter_events import EventLogger
    from jupyter_server.serverapp import ServerApp
    from traitlets import TraitType

DEFAULT_PORT = 8321
STOP_TIMEOUT_S = 10.0

_SETTLED = {ModelState.READY, ModelState.UNLOADED, ModelState.FAILED}
_BUSY = {ModelState.QUEUED, ModelState.LOADING, ModelState.UNLOADING}


class LLMExtension(Configuration, ExtensionApp):
    """Language models that run inside the notebook server."""

    name = "llm"
    description = __doc__
    # a server for programs: `jupyter lab` is the one that opens a browser
    serverapp_config = {"open_browser": False}  # noqa: RUF012  # an instance's, says the base

    @classmethod
    def class_own_traits(cls, **metadata: Any) -> dict[str, TraitType[Any, Any]]:
        """Those of `Configuration`, too: help and generated files show them as this class's."""
        return super().class_own_traits(**metadata) | Configuration.class_traits(**metadata)

    @classmethod
    def initialize_server(
        cls, argv: list[str] | None = None, load_other_extensions: bool = True, **kwargs: Any
    ) -> ServerApp:
        """Make the server of `jupyter llm serve`."""
        kwargs |= cls.server_options(argv or [])
        server = super().initialize_server(argv, load_other_extensions, **kwargs)  # type: ignore[no-untyped-call]
        return cast("ServerApp", server)

    @classmethod
    def server_options(cls, argv: list[str]) -> dict[str, Any]:
        """What that server has unless `argv` or its configuration says otherwise."""
        # Jupyter refuses a port beside a socket, even a default one
        if any(argument.startswith(("--sock", "--ServerApp.sock")) for argument in argv):
            return {}
        return {"port": environment.integer("JUPYTER_PORT", DEFAULT_PORT)}

    def initialize_settings(self) -> None:
        """Put the parts together; nothing heavy is imported and nothing runs yet."""
        serverapp = cast("ServerApp", self.serverapp)
        under_hub = environment.under_hub(serverapp)
        self.kernel_key = None if under_hub else new_secret()
        self.registry = Registry(self.registry_url)
        self.recorder = Recorder(self.registry, on_counted=self._on_usage)
        self.responses = ResponseStore(self.registry, self.response_retention_days)
        saved = SavedSettings(self.registry)
        settings = replace(self.manager_settings(under_hub=under_hub), saved=saved)
        self.pool = self.memory_pool()
        self.quotas = Quotas(self.common_quota())
        self.manager = ModelManager(
            settings=settings,
            on_event=self._on_event,
            listeners=Listeners(on_spent=self.quotas.count, on_position=self._on_position),
            pool=self.pool,
        )
        self.services = self.known_services(self.registry)
        self.services.subscribe(self._on_service)
        self.service_models = ServiceModels(self.services, self.manager, self.services_balance)
        self.replays = Replays(self.resume_grace_s)
        self.metrics = Metrics(self.manager.loaded, on_request=self.recorder.count)
        self.vectors = self.vector_databases(self.services)
        self.downloads = Downloads(
            self.download_dir(),
            records=DownloadRecords(self.registry, self.download_dir()),
            on_event=self._on_download,
            max_parallel=self.max_parallel_downloads,
        )
        self.puller = Puller(self.downloads, self._memory_for_models)
        self.first_model = FirstModel(
            self.first_model_settings(), manager=self.manager, puller=self.puller
        )
        self._beginning: asyncio.Task[None] | None = None
        self.events = EventBus()
        self.pulse = Pulse(self.events, self._tell_figures)
        self._told: dict[str, ModelStatus] = {}
        self._telling: set[asyncio.Task[None]] = set()
        self.state_events = StateEvents(cast("EventLogger", serverapp.event_logger))

    def initialize_handlers(self) -> None:
        """Add the routes."""
        keys = KeyStore(default_path())
        context = Context(
            manager=self.manager,
            puller=self.puller,
            first_model=self.first_model,
            memory=Sampler(self.pool.survey),
            remover=Remover(
                manager=self.manager,
                downloads=self.downloads,
                registry=self.registry,
                recorder=self.recorder,
                on_removed=self._on_removed,
            ),
            registry=self.registry,
            responses=self.responses,
            replays=self.replays,
            recorder=self.recorder,
            metrics=self.metrics,
            events=self.events,
            services=self.services,
            service_admins=frozenset(self.service_admins),
            service_models=self.service_models,
            quotas=self.quotas,
            vectors=self.vectors,
            keys=keys if self.kernel_key else None,
            kernel_key=self.kernel_key,
            defaults=self.sampling_defaults(),
            media=Media(self.media_rules()),
            max_body_bytes=self.max_body_bytes,
            started_at=int(time.time()),
        )
        self.handlers.extend(routes(context))

    async def _start_jupyter_server_extension(self, serverapp: ServerApp) -> None:
        """Now that the port is known, tell kernels where we are; then load in the background."""
        os.environ.update(environment.kernel_environment(serverapp, self.kernel_key))
        # in the background: where there is a registry, its first use imports what reads it
        self._beginning = asyncio.create_task(self._begin(), name="begin")
        self.pulse.start()

    async def _begin(self) -> None:
        await self.downloads.start()
        self.service_models.begin()
        await self._find_services()
        self.first_model.begin()
        await self.responses.keep_pruned()

    async def stop_extension(self) -> None:
        """Unload everything within `STOP_TIMEOUT_S`; never raises.

        The server would never stop after an exception here: it ends its loop last.
        """
        for name in environment.EXPORTED:
            os.environ.pop(name, None)
        self.pulse.stop()
        self.events.close()
        if self._beginning is not None:
            self._beginning.cancel()
        parts = (
            self.first_model,
            self.replays,
            self.manager,
            self.downloads,
            self.service_models,
            self.services,
            self.vectors,
        )
        stopping = asyncio.gather(*(part.stop() for part in parts))
        done, _ = await asyncio.wait({stopping}, timeout=STOP_TIMEOUT_S)
        if not done:
            self.log.warning("The models did not unload in time; the server stops all the same.")
            stopping.cancel()
        elif error := stopping.exception():
            self.log.error("Unloading the models failed.", exc_info=error)
        await self.recorder.close()
        await self.registry.close()
        leaving = asyncio.create_task(asyncio.to_thread(self.pool.close))
        await asyncio.wait({leaving}, timeout=STOP_TIMEOUT_S)

    async def _memory_for_models(self) -> int:
        kind = await asyncio.to_thread(device_of, "llama_cpp")
        return (await self.pool.capacities([kind]))[kind]

    def current_activity(self) -> list[str]:
        """The models that generate or load: while there is one, the server is in use."""
        return [
            status.model.id
            for status in self.manager.loaded()
            if status.state in _BUSY or status.stats.num_running or status.stats.num_waiting
        ]

    def _on_download(self, download: Download) -> None:
        self.events.publish("download", download)
        if download.state is DownloadState.FAILED:
            self.log.error("The download of %s failed: %s", download.repo_id, download.error)
        elif download.state is DownloadState.DONE:
            self.log.info("%s is downloaded", download.path)

    async def _find_services(self) -> None:
        """Take up the services that run; without a registry they are taken up when asked for."""
        try:
            await self.services.start_up()
        except LLMError as error:
            self.log.warning("The services that run are not known now: %s", error)

    def _on_service(self, service: Service) -> None:
        self.events.publish("service", service)
        if service.state.is_final:
            self.log.info("The service %s is %s: %s", service.id, service.state, service.reason)

    def _on_removed(self, removed: RemovedModel) -> None:
        self.events.publish("removed", removed)
        self.log.info("%s is deleted", removed.model_id)

    def _on_usage(self, usage: ModelUsage) -> None:
        self.events.publish("usage", usage)

    def _on_position(self, user: str, position: QueuePosition) -> None:
        self.events.publish("queue", position, user=user)

    def _on_event(self, kind: str, status: ModelStatus) -> None:
        self.metrics.on_event(kind, status)
        self.events.publish(kind, status)
        self.state_events.note(status)
        if status.state is ModelState.FAILED:
            self.log.error("%s failed: %s", status.model.id, status.error)
        elif status.state in {ModelState.READY, ModelState.UNLOADED}:
            self.log.info("%s is %s", status.model.id, status.state)
        if status.state in _SETTLED and self.events.num_subscribers:
            self._telling.add(task := asyncio.create_task(self._tell_memory()))
            task.add_done_callback(self._telling.discard)

    async def _tell_figures(self) -> None:
        """What no change of state announces: work done, who waits, keep-alives, memory."""
        ready = [each for each in self.manager.loaded() if each.state is ModelState.READY]
        for status in ready:
            if self._told.get(status.model.id) != status:
                self.events.publish("model", status)
        self._told = {status.model.id: status for status in ready}
        await self._tell_memory()

    async def _tell_memory(self) -> None:
        survey = await asyncio.to_thread(self.pool.survey)
        self.events.publish("vram", vram_body(survey, self.manager.loaded()))
