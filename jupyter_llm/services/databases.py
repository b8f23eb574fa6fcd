"""Vector databases that run as services, by the ids of these."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jupyter_llm.errors import ServiceNotFoundError, VectorStoreError
from jupyter_llm.types import ServiceState
from jupyter_llm.vectors.address import Address

if TYPE_CHECKING:
    from jupyter_llm.services.services import Services
    from jupyter_llm.types import Replica, Service

_KIND = "vector-db"


class ServiceDatabases:
    """Finds them for `VectorDatabases`; a key is read once, from a folder that may be far away."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._keys: dict[str, str] = {}

    async def __call__(self, service_id: str, user: str | None) -> Address | None:
        """Where the service of this id is; `None` if this user sees no such vector database.

        Raises:
            VectorStoreError: It does not run, or not yet.
            ClusterError: The machine that leads to it is not reached.
        """
        try:
            service = await self._services.get(service_id, user)
        except ServiceNotFoundError:
            return None
        if service.kind != _KIND:
            return None
        replica = _running(service)
        address = await self._services.reach(replica)
        if service_id not in self._keys:
            self._keys[service_id] = await self._services.key_of(service_id)
        return Address(
            url=address.url + replica.base_path,
            socket_path=address.socket,
            api_key=self._keys[service_id],
        )


def _running(service: Service) -> Replica:
    for replica in service.replicas:
        if service.state is ServiceState.RUNNING and replica.is_healthy:
            return replica
    reason = f" ({service.reason})" if service.reason else ""
    raise VectorStoreError(
        f"The service {service.id} is {service.state}{reason}. It is asked once it runs."
    )
