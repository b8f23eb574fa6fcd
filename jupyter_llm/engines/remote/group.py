"""The servers that a service has: which one is asked next, and which are left out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import count
from typing import TYPE_CHECKING

from jupyter_llm.engines.remote.health import Health
from jupyter_llm.engines.remote.upstream import Access, Upstream
from jupyter_llm.errors import EngineDiedError, ModelLoadError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from jupyter_llm.engines.remote.settings import Endpoint, Remote
    from jupyter_llm.engines.remote.upstream import ListedModel


OnHealth = Callable[[str, bool], None]
"""Is told the name of a replica, and whether it is well."""


class Replica:
    """One server of a group: whether it is well, and how many requests it has from us.

    `last_turn` is the number of the request that it got last, 0 before the first.
    """

    def __init__(self, upstream: Upstream, on_news: Callable[[Replica], None]) -> None:
        self.upstream = upstream
        self.health = Health(upstream, lambda: on_news(self))
        self.num_running = 0
        self.last_turn = 0

    @property
    def name(self) -> str:
        """What it is called in answers; empty for the only server of a service."""
        return self.upstream.endpoint.name

    async def close(self) -> None:
        """Look at it no longer, and close what nobody uses."""
        await self.health.stop()
        self.upstream.close()


class Group:
    """The replicas of one service; `death` ends with the reason when all of them are gone.

    A replica that fails is left out at once and looked at until it answers again; `on_health` is
    told its name and whether it is well. After a death the manager takes over: it begins anew with
    longer and longer pauses.
    """

    def __init__(self, remote: Remote, access: Access, on_health: OnHealth) -> None:
        self.death: asyncio.Future[EngineDiedError] = asyncio.get_running_loop().create_future()
        self.secrets = access.secrets
        self._remote = remote
        self._access = access
        self._on_health = on_health
        self._replicas: list[Replica] = []
        self._turns = count(1)
        self._leaving: set[asyncio.Task[None]] = set()
        self.set(remote.endpoints)

    @classmethod
    async def open(cls, remote: Remote, on_health: OnHealth) -> Group:
        """Read the key and get ready to call; nothing is sent yet.

        Raises:
            ModelLoadError: The key or the certificates cannot be read.
        """
        return cls(remote, await Access.to(remote), on_health)

    def __len__(self) -> int:
        return len(self._replicas)

    async def models(self) -> list[ListedModel]:
        """What the first replica to answer says it has; those that have not answered are suspect.

        Raises:
            ModelLoadError: None of them answers.
        """
        asked = {asyncio.create_task(one.upstream.models()): one for one in self._replicas}
        try:
            return await _first(asked)
        finally:
            for task, replica in asked.items():
                if not task.done() or task.cancelled() or task.exception():
                    replica.health.suspect()
                task.cancel()

    def pick(self, *, other_than: Replica | None = None) -> Replica | None:
        """The replica that is to have the next request; `None` if there is no other one.

        Those that are well alone are asked, unless none is: then any of them may have come back.
        """
        well = [one for one in self._replicas if one.health.is_well and one is not other_than]
        if not well and other_than is None:
            well = self._replicas
        if not well:
            return None
        chosen = min(well, key=self._order)
        chosen.last_turn = next(self._turns)
        return chosen

    def set(self, endpoints: Iterable[Endpoint]) -> None:
        """Have these replicas from now on; those that stay keep their connections.

        What runs at one that leaves goes on until it ends.
        """
        known = {one.upstream.endpoint: one for one in self._replicas}
        self._replicas = [
            known.pop(one) if one in known else self._replica(one) for one in endpoints
        ]
        for replica in known.values():
            self._leaving.add(task := asyncio.create_task(replica.close()))
            task.add_done_callback(self._leaving.discard)

    async def close(self) -> None:
        """Look at none any more, and close what nobody uses."""
        self.set(())
        if self._leaving:
            await asyncio.wait(self._leaving)

    def _order(self, replica: Replica) -> tuple[int, int]:
        is_fewest = self._remote.balance == "least_outstanding"
        return (replica.num_running if is_fewest else 0, replica.last_turn)

    def _replica(self, endpoint: Endpoint) -> Replica:
        return Replica(Upstream(self._remote, endpoint, self._access), self._note)

    def _note(self, replica: Replica) -> None:
        self._on_health(replica.name, replica.health.is_well)
        if all(one.health.is_gone for one in self._replicas) and not self.death.done():
            self.death.set_result(EngineDiedError(self._replicas[0].health.reason))


async def _first(asked: Iterable[asyncio.Task[list[ListedModel]]]) -> list[ListedModel]:
    error = ModelLoadError("The service has no server that runs.")
    for answering in asyncio.as_completed(asked):
        try:
            return await answering
        except ModelLoadError as failure:
            error = failure
    raise error
