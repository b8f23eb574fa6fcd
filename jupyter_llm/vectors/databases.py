"""The vector databases that this server knows, by id."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence

from jupyter_llm.errors import VectorDatabaseNotFoundError
from jupyter_llm.vectors.address import Address, ServiceLookup
from jupyter_llm.vectors.config import RemoteDatabase
from jupyter_llm.vectors.process import EmbeddedProcess
from jupyter_llm.vectors.running import EmbeddedSettings
from jupyter_llm.vectors.store import VectorStore

LOCAL = "local"
"""The id of the embedded database."""

_TIMEOUT_S = 60.0
_MAX_SERVICES = 64


class VectorDatabases:
    """The embedded database, those that the operator has named, and services; no others are called.

    Whoever may use this server shares the first two; a service is its owner's, which `services`
    sees to.
    """

    def __init__(
        self,
        embedded: EmbeddedSettings,
        remotes: Sequence[RemoteDatabase] = (),
        services: ServiceLookup | None = None,
    ) -> None:
        self.embedded = EmbeddedProcess(embedded)
        self._services = services
        self._stores = {
            LOCAL: VectorStore(self.embedded.address, timeout_s=_TIMEOUT_S, lost=self.embedded.lost)
        }
        for remote in remotes:
            where = _address_of(remote)
            self._stores[remote.id] = VectorStore(where, timeout_s=remote.timeout_s)
        self._of_services: OrderedDict[Address, VectorStore] = OrderedDict()

    async def find(self, database_id: str, *, user: str | None) -> VectorStore:
        """The database of this id, as far as this user has it; with `None` anybody's.

        Raises:
            VectorDatabaseNotFoundError: There is none.
        """
        if found := self._stores.get(database_id):
            return found
        address = await self._services(database_id, user) if self._services else None
        if address is None:
            raise VectorDatabaseNotFoundError(
                f"There is no vector database '{database_id[:64]}' here. Take '{LOCAL}', the id of "
                "a service of yours that runs, or one that the operator has configured.",
                param="id",
            )
        return await self._of_service(address)

    async def stop(self) -> None:
        """End the embedded database, and close all connections."""
        stores = [*self._stores.values(), *self._of_services.values()]
        await asyncio.gather(*(store.close() for store in stores))
        await self.embedded.stop()

    async def _of_service(self, address: Address) -> VectorStore:
        """The store at an address; those that were used last are kept."""
        if (found := self._of_services.get(address)) is None:
            found = VectorStore(_always(address), timeout_s=_TIMEOUT_S)
            self._of_services[address] = found
        self._of_services.move_to_end(address)
        if len(self._of_services) > _MAX_SERVICES:
            _, oldest = self._of_services.popitem(last=False)
            await oldest.close()
        return found


def _always(address: Address) -> Callable[[], Awaitable[Address]]:
    async def where() -> Address:
        return address

    return where


def _address_of(remote: RemoteDatabase) -> Callable[[], Awaitable[Address]]:
    """Where a configured database is; a key in a file is read anew for each request."""

    async def where() -> Address:
        return await asyncio.to_thread(remote.address) if remote.key_file else remote.address()

    return where
