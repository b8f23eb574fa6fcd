"""Which model is in memory: the one door to all of them."""

from __future__ import annotations

import logging
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from jupyter_llm.hardware.pool import MemoryPool
from jupyter_llm.manager.bounded import OverdueError, within
from jupyter_llm.manager.listeners import Listeners
from jupyter_llm.manager.listing import Inventory, with_loaded
from jupyter_llm.manager.parts import assemble
from jupyter_llm.types import ModelState, ModelStatus

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable
    from contextlib import AbstractAsyncContextManager

    from jupyter_llm.engines.base import Engine
    from jupyter_llm.engines.remote.remotes import Remotes
    from jupyter_llm.manager.instance import Instance
    from jupyter_llm.manager.settings import ManagerSettings
    from jupyter_llm.types import (
        DetokenizeRequest,
        EmbeddingRequest,
        Embeddings,
        GenerationRequest,
        LoadOptions,
        Model,
        Ranking,
        RerankRequest,
        TokenChunk,
        TokenizeRequest,
        TokenList,
    )

T = TypeVar("T")
R = TypeVar("R", "Embeddings", "Ranking")

log = logging.getLogger(__name__)


class ModelManager:
    """Loads models, shares them between requests and brings them back when they die.

    It belongs to one event loop. `on_event` is called there with `"model"` and the
    status at every change, and `listeners` hear of users. `find_engine` turns an engine's name
    into what makes one and `pool` is the memory that models are loaded into; both have real
    defaults.
    """

    def __init__(
        self,
        *,
        settings: ManagerSettings,
        on_event: Callable[[str, ModelStatus], None] | None = None,
        listeners: Listeners | None = None,
        find_engine: Callable[[str], Callable[[], Engine]] | None = None,
        pool: MemoryPool | None = None,
    ) -> None:
        self._settings = settings
        self._on_event = on_event
        self._parts = assemble(
            settings,
            pool=pool or MemoryPool(margin_bytes=settings.memory_margin_bytes),
            listeners=replace(listeners or Listeners(), on_change=self._tell),
            find_engine=find_engine,
        )

    @property
    def settings(self) -> ManagerSettings:
        """What the operator decides, and what others have saved."""
        return self._settings

    @property
    def models_dirs(self) -> tuple[str, ...]:
        """The folders that models are found in."""
        return self._settings.models_dirs

    @property
    def remotes(self) -> Remotes:
        """The services that models may run in; those that are added are listed at once."""
        return self._settings.remotes

    async def withdraw(self, remote_id: str, *, owner: str) -> None:
        """Offer the models of a service no longer, and unload them; only its owner can.

        Raises:
            EngineDiedError: An engine did not end in time.
        """
        remote = self.remotes.remove(remote_id, owner=owner)
        for model_id in remote.models if remote else ():
            await self._parts.instances.end(model_id)

    async def relays(self, name: str) -> bool:
        """Whether the model of this name, if there is one, takes requests that are `Relayed`."""
        if not self.remotes:
            return False
        await self._settings.saved.fresh()
        name = self._settings.model_of(name or self._parts.names.active_id)
        return self.remotes.speaks(name)

    async def stop(self) -> None:
        """Unload everything, in `stop_timeout_s` at most; what then still runs is left."""
        instances = self._parts.instances
        instances.is_stopping = True
        try:
            await within(self._settings.stop_timeout_s, instances.close_all(), grace_s=0.0)
        except OverdueError:
            log.warning("Some models did not end in time; their engines are left to themselves.")

    async def models(self) -> tuple[ModelStatus, ...]:
        """Everything that can be loaded, and where it stands, by id."""
        found = await self._parts.catalogue.models()
        return with_loaded((model for model in found if model.engine), self.loaded())

    async def inventory(self) -> Inventory:
        """Everything that is here, also what no engine runs: what it takes, and if it fits."""
        return await self._parts.listing.inventory()

    async def resolve(self, name: str) -> Model:
        """The model of this id, alias, file name or path; the active one for an empty name.

        Waits while that model is being replaced.

        Raises:
            ModelNotFoundError: There is none, or it may not be used here.
            ModelFileError: Its file is damaged.
        """
        await self._parts.gates.passed(name)
        model = await self._parts.names.find(name)
        await self._parts.gates.passed(model.id)
        return model

    async def active(self) -> Model | None:
        """The model that answers where a request names none, if there is such a model."""
        return await self._parts.names.active()

    async def set_default(self, name: str) -> None:
        """Make this the model that answers where a request names none; loads nothing.

        Raises:
            ModelNotFoundError: There is none of this name.
        """
        self._parts.names.active_id = (await self._parts.names.find(name)).id

    def check_allowed(self, model_id: str) -> None:
        """See that this caller may use a model, by its id.

        Raises:
            ModelNotFoundError: To them there is no such model.
        """

    def may_know(self, model_id: str) -> bool:
        """Whether this caller is told of a model, of which only the id is known."""
        del model_id
        return True

    def may_use(self, model: Model) -> bool:
        """Whether this model is there for this caller."""
        del model
        return True

    async def nameable(self) -> Callable[[str], bool]:
        """What says by its id whether this caller is told of a model in records of the past.

        Nobody knows any more whose a model was that is not here: it is for who may know all.
        """
        return self.may_know

    async def all_ids(self) -> frozenset[str]:
        """The ids of all models, of which a caller may not see some: those that are taken."""
        found = await self._parts.catalogue.models()
        living = (instance.model for instance in self._parts.instances)
        return frozenset(model.id for model in (*found, *living))

    def loaded(self) -> tuple[ModelStatus, ...]:
        """Every model that is not unloaded: in memory, on its way, or failed."""
        return tuple(instance.status for instance in self._parts.instances)

    async def load(
        self,
        name: str,
        options: LoadOptions | None = None,
        engine: str | None = None,
        *,
        keep_alive_s: float | None = None,
    ) -> ModelStatus:
        """Bring a model into memory; returns when it is ready.

        All callers share one load, and one that leaves does not stop it. `options`
        of `None` takes the default options, or those it was loaded with; `keep_alive_s`
        of `None` the operator's.

        Raises:
            InvalidRequestError: It is loaded with other options, or one is wrong.
            LLMError: It was not found, is damaged, does not fit or fails to load.
        """
        return await self._parts.loader.load(name, options, engine, keep_alive_s)

    async def switch(
        self,
        name: str,
        options: LoadOptions | None = None,
        engine: str | None = None,
        *,
        keep_alive_s: float | None = None,
    ) -> ModelStatus:
        """Make this the active model, which answers where a request names none.

        No request is dropped: those that name no model wait for the new one, or go to the
        old one if the new one does not load; those that run finish on the old one, which
        leaves memory with the last of them. A switch to the model that is active already
        loads it anew, with `options`.

        Raises:
            OverloadedError: The active model is too long busy to be loaded anew.
            LLMError: What `load` raises.
        """
        return await self._parts.loader.switch(name, options, engine, keep_alive_s)

    async def unload(self, name: str) -> ModelStatus:
        """Take a model out of memory, also in the middle of its load.

        Returns once the memory is free. Requests that run end with `EngineDiedError`.

        Raises:
            EngineDiedError: The engine did not end in time.
            ModelNotFoundError: There is no such model.
        """
        model = await self._parts.names.find(name)
        await self._parts.instances.end(model.id)
        return ModelStatus(model=model, state=ModelState.UNLOADED)

    def absent(self, model_id: str) -> AbstractAsyncContextManager[None]:
        """Keep a model out of memory while the block runs: it is unloaded, its requests wait.

        Raises:
            EngineDiedError: The engine did not end in time.
        """
        return self._parts.loader.absent(model_id)

    async def generate(self, request: GenerationRequest) -> AsyncGenerator[TokenChunk, None]:
        """Stream an answer, loading the model first where that is needed.

        Raises:
            OverloadedError: Too many requests wait at this model already, or it has waited
                for too long.
            TooManyRequestsError: Too many requests of the same user wait there.
            LLMError: What `load` and the engine's `generate` raise.
        """
        instance = await self._instance_for(request.model_id)
        with instance.entered(request) as turn:
            engine = await instance.engine_in(turn)
            async with aclosing(engine.generate(request)) as chunks:
                async for chunk in chunks:
                    turn.count(chunk)
                    yield chunk

    async def embed(self, request: EmbeddingRequest) -> Embeddings:
        """The vectors of texts, from a model that is loaded first where that is needed.

        Raises:
            LLMError: What `generate` and the engine's `embed` raise.
        """
        return await self._read(request, lambda engine: engine.embed(request))

    async def rerank(self, request: RerankRequest) -> Ranking:
        """How relevant documents are to a query. Raises what `embed` raises."""
        return await self._read(request, lambda engine: engine.rerank(request))

    async def tokenize(self, request: TokenizeRequest) -> TokenList:
        """The tokens of a prompt; it takes nobody's turn. Raises what `load` raises."""
        return await self._aside(request.request, lambda engine: engine.tokenize(request))

    async def detokenize(self, request: DetokenizeRequest) -> str:
        """The text of tokens; it takes nobody's turn. Raises what `load` raises."""
        return await self._aside(request, lambda engine: engine.detokenize(request))

    async def _instance_for(self, name: str) -> Instance:
        """The instance that a request for a model of this name may enter."""
        return await self._parts.instances.ensure_for_request(await self.resolve(name))

    async def _read(
        self, request: EmbeddingRequest | RerankRequest, ask: Callable[[Engine], Awaitable[R]]
    ) -> R:
        instance = await self._instance_for(request.model_id)
        with instance.entered(request) as turn:
            answer = await ask(await instance.engine_in(turn))
            turn.spend(answer.usage)
            return answer

    async def _aside(
        self,
        request: GenerationRequest | DetokenizeRequest,
        ask: Callable[[Engine], Awaitable[T]],
    ) -> T:
        instance = await self._instance_for(request.model_id)
        with instance.entered_aside(request.keep_alive_s):
            return await ask(await instance.ready())

    def _tell(self, status: ModelStatus) -> None:
        """Pass an instance's change on."""
        if self._on_event is None:
            return
        try:
            self._on_event("model", status)
        except Exception:
            log.exception("A listener to model events failed")
