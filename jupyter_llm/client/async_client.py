"""HTTP to the notebook server's models, for those who have an event loop."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Self, TypeVar

from jupyter_llm.errors import ForbiddenError

from .discovery import find_server
from .failures import error_from_response, readable_transport_errors
from .sse import EventReader
from .stream import ChatDelta, DeltaReader
from .transport import WORK_TIMEOUT_S, settings_for, timeout, verify
from .work import Work, default_model, identity, streamed

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    import httpx

    from .server import Server

T = TypeVar("T")


class AsyncClient:
    """The models of one notebook server, asked from one event loop.

    Raises what `Client` raises. A task that is cancelled closes its connection, and that
    stops the model.
    """

    def __init__(self, server: Server | None = None) -> None:
        self._given_server = server

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        http = self.__dict__.pop("_http", None)
        if http is not None:
            await http.aclose()

    @cached_property
    def server(self) -> Server:
        """The server that this client talks to."""
        return self._given_server or find_server()

    async def do(self, work: Work[T]) -> T:
        """Have the server do something in one piece."""
        with readable_transport_errors(self.server):
            response = await self._http.request(
                work.verb,
                work.path,
                json=work.body,
                timeout=timeout(WORK_TIMEOUT_S),
            )
        if not response.is_success:
            raise error_from_response(response, self.server)
        return work.read(response.json())

    async def stream(self, work: Work[Any]) -> AsyncGenerator[ChatDelta, None]:
        """Stream the reply to a conversation; closing the generator stops the model."""
        work = streamed(work)
        events, deltas = EventReader(), DeltaReader()
        with readable_transport_errors(self.server):
            async with self._http.stream("POST", work.path, json=work.body) as response:
                if not response.is_success:
                    await response.aread()
                    raise error_from_response(response, self.server)
                async for chunk in response.aiter_bytes():
                    for data in events.feed(chunk):
                        for delta in deltas.take(data):
                            yield delta
        deltas.check_end()

    async def identity(self, model: str | None) -> str:
        """What stays the same while the model, or the default one, answers as it does now."""
        try:
            if not model:
                model = await self.do(default_model())
            return await self.do(identity(model)) if model else ""
        except ForbiddenError:  # a key that may only ask
            return f"{self.server.url} {model or ''}"

    @cached_property
    def _http(self) -> httpx.AsyncClient:
        import httpx

        server = self.server
        transport = httpx.AsyncHTTPTransport(uds=server.socket_path, verify=verify(server))
        return httpx.AsyncClient(transport=transport, **settings_for(server))
