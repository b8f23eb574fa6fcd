"""The models as one caller sees them: those that they may use, and requests in their name."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from jupyter_llm.errors import ModelNotFoundError
from jupyter_llm.manager.manager import ModelManager
from jupyter_llm.manager.names import Names
from jupyter_llm.types import ModelSource

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Collection, Iterable

    from jupyter_llm.manager.listing import Inventory
    from jupyter_llm.manager.settings import ManagerSettings
    from jupyter_llm.types import (
        EmbeddingRequest,
        Embeddings,
        GenerationRequest,
        Model,
        ModelStatus,
        Ranking,
        RerankRequest,
        TokenChunk,
    )


class ManagerView(ModelManager):
    """A manager for one caller; it shares everything with `whole`, and costs little to make.

    `user` is whose its requests are, `allowed` the ids or aliases of the models that there
    are for this caller; `None` allows all. Of models that belong to one user there are those
    of `owner` alone, or with `None` those of everybody.
    """

    def __init__(
        self,
        whole: ModelManager,
        *,
        user: str,
        allowed: Collection[str] | None,
        owner: str | None = None,
    ) -> None:
        vars(self).update(vars(whole))
        self._user = user
        self._allowed = allowed
        self._owner = owner
        if allowed is not None or self.remotes.hide_from(owner):
            names = KnownNames(self._parts.names, self.may_use)
            self._parts = self._parts.with_names(names)

    async def models(self) -> tuple[ModelStatus, ...]:
        """Those that may be loaded by this caller."""
        return self._admitted(await super().models())

    async def inventory(self) -> Inventory:
        """What is here for this caller."""
        inventory = await super().inventory()
        known = tuple(one for one in inventory.models if self.may_use(one.status.model))
        if self._allowed is None:
            if len(known) == len(inventory.models):
                return inventory
            return replace(inventory, models=known, active=await self.active())
        return replace(
            inventory, models=known, adapters=(), unusable=(), active=await self.active()
        )

    def loaded(self) -> tuple[ModelStatus, ...]:
        """What this caller may use of what is in memory."""
        return self._admitted(super().loaded())

    def check_allowed(self, model_id: str) -> None:
        """See `ModelManager.check_allowed`."""
        if not self.may_know(model_id):
            raise _not_allowed(model_id)

    def may_know(self, model_id: str) -> bool:
        """See `ModelManager.may_know`."""
        return self._is_open(model_id) and self._admits(model_id)

    def may_use(self, model: Model) -> bool:
        """See `ModelManager.may_use`; a file may bear the name of a service that has ended."""
        if model.source is ModelSource.REMOTE and not self._is_open(model.id):
            return False
        return self._admits(model.id)

    async def relays(self, name: str) -> bool:
        """See `ModelManager.relays`; of what this caller may not know, nothing is told."""
        if not await super().relays(name):
            return False
        return self.may_know(self.settings.model_of(name or self._parts.names.active_id))

    async def nameable(self) -> Callable[[str], bool]:
        """See `ModelManager.nameable`."""
        if self._owner is None and self._allowed is None:
            return await super().nameable()
        return frozenset(status.model.id for status in await self.models()).__contains__

    def generate(self, request: GenerationRequest) -> AsyncGenerator[TokenChunk, None]:
        """Stream an answer to this user."""
        return super().generate(replace(request, user=self._user))

    async def embed(self, request: EmbeddingRequest) -> Embeddings:
        """The vectors of texts, for this user."""
        return await super().embed(replace(request, user=self._user))

    async def rerank(self, request: RerankRequest) -> Ranking:
        """How relevant documents are, for this user."""
        return await super().rerank(replace(request, user=self._user))

    def _admitted(self, statuses: Iterable[ModelStatus]) -> tuple[ModelStatus, ...]:
        return tuple(status for status in statuses if self.may_use(status.model))

    def _is_open(self, model_id: str) -> bool:
        return self.remotes.is_open_to(model_id, self._owner)

    def _admits(self, model_id: str) -> bool:
        return self._allowed is None or _admits(self._allowed, model_id, self.settings)


class KnownNames(Names):
    """The names of those models that a caller may know; to them there are no others."""

    def __init__(self, names: Names, may_use: Callable[[Model], bool]) -> None:
        self._of_all = names
        self._may_use = may_use
        self.catalogue = names.catalogue

    @property
    def active_id(self) -> str:
        """The active model, which one caller may not see and still is the same for all."""
        return self._of_all.active_id

    @active_id.setter
    def active_id(self, model_id: str) -> None:
        self._of_all.active_id = model_id

    async def find(self, name: str) -> Model:
        """The model of this name, if the caller may use it. See `Names.find`."""
        try:
            model = await self._of_all.find(name)
        except ModelNotFoundError as error:
            # its message has close names, of which some may be of models that are hidden
            raise _not_allowed(name, error.param) from None
        if self._may_use(model):
            return model
        # as of one that is not there: which of the two it is would tell something
        raise _not_allowed(name, "model")


def _admits(allowed: Collection[str], model_id: str, settings: ManagerSettings) -> bool:
    """Whether a model is among those that are allowed, by its id or by an alias."""
    return model_id in allowed or any(settings.model_of(name) == model_id for name in allowed)


def _not_allowed(name: str, param: str | None = None) -> ModelNotFoundError:
    # an empty name is the active model, which may be somebody else's
    which = f"There is no model {name!r} for you." if name else "The active model is not for you."
    return ModelNotFoundError(
        f"{which} GET v1/models lists those that you may use.",
        param=param,
    )
