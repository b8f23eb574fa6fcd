"""The services that this server knows: those of its configuration, and those that come and go."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from jupyter_llm.engines.remote.config import RESERVED
from jupyter_llm.engines.remote.settings import Endpoint, Remote
from jupyter_llm.errors import InvalidRequestError, ModelLoadError
from jupyter_llm.types import Model, ModelSource

FORMAT = "openai"
"""The format of a model that speaks OpenAI's protocol itself."""

ENGINE = "remote"

OPERATOR = "configuration"
"""The owner of the services that the operator has configured."""


class Known:
    """A service, who has brought it, and the places that its models share.

    `followers` are told of its replicas when these change, and `on_health` when one of them, by
    its name, has failed or is well again.
    """

    def __init__(self, remote: Remote, owner: str, on_health: Callable[[str, bool], None]) -> None:
        self.remote = remote
        self.owner = owner
        self.on_health = on_health
        self.turns = asyncio.Semaphore(remote.concurrency)
        self.followers: set[Callable[[Iterable[Endpoint]], None]] = set()


@dataclass(frozen=True, slots=True)
class Target:
    """A model of a service by its name there, empty for the first that it lists."""

    known: Known
    name: str


class Remotes:
    """Services by id, which may come and go while the server runs; nobody else is called.

    Every change makes new tables, so that a thread may read while the event loop changes them.
    """

    def __init__(self, configured: Iterable[Remote] = ()) -> None:
        self._known: Mapping[str, Known] = {}
        self._by_model: Mapping[str, Target] = {}
        self._former: Mapping[str, frozenset[str]] = {}
        for remote in configured:
            self.add(remote, owner=OPERATOR)

    def __iter__(self) -> Iterator[Known]:
        return iter(self._known.values())

    def __len__(self) -> int:
        return len(self._known)

    def add(
        self,
        remote: Remote,
        *,
        owner: str,
        on_health: Callable[[str, bool], None] = lambda _name, _is_well: None,
    ) -> None:
        """Offer the models of one more service; `on_health` hears of its replicas while in use.

        Raises:
            InvalidRequestError: A service or a model has its name already.
        """
        if remote.id in self._known:
            raise InvalidRequestError(f"There is a service {remote.id!r} already.", param="id")
        if again := sorted(set(remote.models) & (set(self._by_model) | RESERVED)):
            raise InvalidRequestError(f"There is a model {again[0]!r} already.", param="models")
        self._set({**self._known, remote.id: Known(remote, owner, on_health)})

    def change(self, remote_id: str, replicas: Iterable[Endpoint], *, owner: str) -> None:
        """Ask these replicas of a service from now on; only who has brought it can.

        A service that is not offered any more is left alone.
        """
        known = self._known.get(remote_id)
        if known is None or known.owner != owner:
            return
        known.remote = replace(known.remote, replicas=tuple(replicas))
        for follow in tuple(known.followers):
            follow(known.remote.endpoints)

    def remove(self, remote_id: str, *, owner: str) -> Remote | None:
        """Offer the models of a service no longer; only who has brought it can.

        What is in use goes on until its engine is unloaded. `None` if there was none.
        """
        known = self._known.get(remote_id)
        if known is None or known.owner != owner:
            return None
        # first: what ends now is told of yet, as are its requests in figures
        self._remember(known.remote)
        self._set({name: one for name, one in self._known.items() if name != remote_id})
        return known.remote

    def speaks(self, model_id: str) -> bool:
        """Whether this is a model of a service."""
        return model_id in self._by_model

    def is_open_to(self, model_id: str, user: str | None) -> bool:
        """Whether a user, or with `None` who may know all, may know of a model.

        Those of no service are open to all; one that is not offered any more is known to those
        whose it was.
        """
        if target := self._by_model.get(model_id):
            return _is_open(target.known, user)
        return user is None or user in self._former.get(model_id, {user})

    def hide_from(self, user: str | None) -> bool:
        """Whether there are models that a user may not know of, or were until now."""
        if user is None:
            return False
        return not all(_is_open(one, user) for one in self) or not all(
            user in owners for owners in self._former.values()
        )

    def find(self, model_id: str) -> Target:
        """Where a model runs.

        Raises:
            ModelLoadError: Its service is not offered any more.
        """
        try:
            return self._by_model[model_id]
        except KeyError:
            raise ModelLoadError(f"The service of {model_id} is not offered any more.") from None

    def models(self) -> tuple[Model, ...]:
        """The models of all services, as far as they can be known without asking."""
        return tuple(
            Model(
                id=model_id,
                format=FORMAT,
                engine=ENGINE,
                context_length=target.known.remote.context_length,
                modalities=target.known.remote.modalities,
                source=ModelSource.REMOTE,
            )
            for model_id, target in self._by_model.items()
        )

    def _remember(self, remote: Remote) -> None:
        """Note whose the models were, so that nobody else hears of them later."""
        if remote.private_to is not None:
            owners = {each: self._former.get(each, frozenset()) for each in remote.models}
            mine = {remote.private_to}
            self._former = {**self._former, **{each: owners[each] | mine for each in owners}}

    def _set(self, known: Mapping[str, Known]) -> None:
        self._known = known
        self._by_model = {
            model_id: Target(one, name)
            for one in known.values()
            for model_id, name in one.remote.models.items()
        }


def _is_open(known: Known, user: str | None) -> bool:
    return user is None or known.remote.private_to in (None, user)
