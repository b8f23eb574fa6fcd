"""Questions to the servers of a service that ask for no text: what they have, and how they are.

Each goes to one server, with the key of the service.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING, Protocol

from jupyter_llm.errors import OverloadedError, UpstreamError
from jupyter_llm.types import ServiceState

if TYPE_CHECKING:
    from jupyter_llm.services.shell import Address
    from jupyter_llm.types import Replica, Service

TIMEOUT_S = 10.0
_AGAIN_S = 5.0


class Reachable(Protocol):
    """What is needed of `Services`."""

    async def key_of(self, service_id: str) -> str:
        """The API key of its servers."""
        ...

    async def reach(self, replica: Replica) -> Address:
        """How to reach a server."""
        ...


def ready_replicas(service: Service) -> tuple[Replica, ...]:
    """Its servers that answer, or all that have answered once where none is well now.

    Raises:
        OverloadedError: It is on its way, or it has ended.
    """
    if service.state is not ServiceState.RUNNING:
        why = f" {service.reason}" if service.reason else ""
        retry_s = None if service.state.is_final else _AGAIN_S
        raise OverloadedError(
            f"The service {service.id} is {service.state}, not running.{why}", retry_after_s=retry_s
        )
    started = tuple(one for one in service.replicas if one.state is ServiceState.RUNNING)
    return tuple(one for one in started if one.is_healthy) or started


class Calls:
    """Asks servers of the services of one site."""

    def __init__(self, services: Reachable) -> None:
        self._services = services

    async def get(self, service: Service, replica: Replica, path: str) -> bytes:
        """The body of a successful answer to `GET path`.

        Raises:
            UpstreamError: The server does not answer as it should.
            ClusterError: It is not reached.
        """
        import httpx

        address = await self._services.reach(replica)
        headers = {"Authorization": f"Bearer {await self._services.key_of(service.id)}"}
        # a proxy of the environment knows nothing of the cluster's own nodes
        transport = httpx.AsyncHTTPTransport(uds=address.socket, trust_env=False)
        url = f"{address.url}{replica.base_path}{path}"
        try:
            async with (
                asyncio.timeout(TIMEOUT_S),
                httpx.AsyncClient(transport=transport, timeout=TIMEOUT_S) as client,
            ):
                answer = await client.get(url, headers=headers)
        except (httpx.HTTPError, TimeoutError, OSError) as error:
            raise UpstreamError(f"The server {replica.id} does not answer: {error}.") from error
        if answer.status_code != HTTPStatus.OK:
            raise UpstreamError(f"The server {replica.id} answered {answer.status_code}.")
        return answer.content

    async def all(
        self, service: Service, replicas: tuple[Replica, ...], path: str
    ) -> dict[str, bytes]:
        """What those servers say that answer, by their ids.

        Raises:
            UpstreamError: None of them answers as it should.
            ClusterError: They are not reached.
        """
        asked = [self.get(service, replica, path) for replica in replicas]
        answers = await asyncio.gather(*asked, return_exceptions=True)
        said = {
            replica.id: answer
            for replica, answer in zip(replicas, answers, strict=True)
            if isinstance(answer, bytes)
        }
        for answer in answers:
            if isinstance(answer, BaseException) and not (
                said and isinstance(answer, UpstreamError)
            ):
                raise answer
        return said
