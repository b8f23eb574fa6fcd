"""Asks the servers of a service whether they are ready."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING

from jupyter_llm.errors import ClusterError

if TYPE_CHECKING:
    import httpx

    from jupyter_llm.services.shell import Shell
    from jupyter_llm.types import Replica

_TIMEOUT_S = 5.0
_AT_ONCE = 32


class Readiness:
    """One GET of a server's health check, its API key with it."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def answers(self, replica: Replica, path: str, secret: str) -> bool:
        """Whether the server says that it is ready; one that cannot be reached is not."""
        import httpx

        async with self._turns:
            try:
                return await self._ask(replica, path, secret) == HTTPStatus.OK
            except (httpx.HTTPError, ClusterError, OSError):
                return False

    async def _ask(self, replica: Replica, path: str, secret: str) -> int:
        async with asyncio.timeout(2 * _TIMEOUT_S):
            address = await self._shell.reach(replica.host, replica.port)
            async with _client(address.socket) as client:
                headers = {"Authorization": f"Bearer {secret}", "api-key": secret}
                return (await client.get(address.url + path, headers=headers)).status_code


def _client(socket: str | None) -> httpx.AsyncClient:
    import httpx

    # a proxy of the environment knows nothing of the cluster's own nodes
    transport = httpx.AsyncHTTPTransport(uds=socket, trust_env=False)
    return httpx.AsyncClient(transport=transport, timeout=_TIMEOUT_S, trust_env=False)
