"""A Qdrant, asked over HTTP: embedded, by URL or as a service, which are all the same here.

`qdrant-client` would build an object of each point, on the server's event loop, and bring gRPC
along.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import msgspec

from jupyter_llm.errors import EngineDiedError, LLMError, UpstreamError
from jupyter_llm.types import Collection, Distance, FoundPoint, VectorQuery
from jupyter_llm.vectors.address import Address
from jupyter_llm.vectors.names import check_name
from jupyter_llm.vectors.replies import collection_of, error_of, names_of, points_of, was_there

if TYPE_CHECKING:
    from jupyter_llm.vectors.carrier import Answer, BrokenError, Carrier

LONG_BODY_BYTES = 64 * 1024
"""A body up to this size is read in less than a millisecond or so."""

_OK, _MULTIPLE_CHOICES = 200, 300


class VectorStore:
    """The collections of one database.

    `where` says each time where it is: it may have been started again elsewhere. An answer may take
    `timeout_s`. The embedded one has `lost`, which returns when the process is known to be gone
    that has broken off: `where` starts another then, and what can be asked twice is.
    """

    def __init__(
        self,
        where: Callable[[], Awaitable[Address]],
        *,
        timeout_s: float,
        lost: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._where = where
        self._timeout_s = timeout_s
        self._lost = lost
        self._carrier: Carrier | None = None
        self._address: Address | None = None
        self._connecting = asyncio.Lock()

    async def collections(self) -> tuple[str, ...]:
        """The names of all collections."""
        return names_of(await self._ask("GET", "/collections"))

    async def collection(self, name: str) -> Collection:
        """What a collection is like.

        Raises:
            CollectionNotFoundError: There is none of this name.
        """
        return collection_of(await self._ask("GET", _path(name), collection=name), name)

    async def create(
        self, name: str, *, vector_size: int, distance: Distance, indexes: Mapping[str, str]
    ) -> None:
        """Make a collection, with indexes of fields of its points' payloads by their kinds.

        Raises:
            CollectionExistsError: There is one.
        """
        body = {"vectors": {"size": vector_size, "distance": distance}}
        await self._ask("PUT", _path(name), body, collection=name, again=False)
        for field, kind in indexes.items():
            schema = {"field_name": field, "field_schema": kind}
            await self._ask("PUT", f"{_path(name)}/index?wait=true", schema, collection=name)

    async def delete(self, name: str) -> None:
        """Delete a collection and its points.

        Raises:
            CollectionNotFoundError: There is none of this name.
        """
        answer = await self._ask("DELETE", _path(name), collection=name, again=False)
        if not was_there(answer):
            raise error_of(HTTPStatus.NOT_FOUND, b"", name)

    async def upsert(self, name: str, body: bytes) -> None:
        """Put points in, or in the places of those that have their ids.

        `body` is JSON with `points`, as Qdrant takes it. It goes on as it came: to take millions of
        numbers apart and put them together again would hold up everybody else on this server.
        """
        await self._ask("PUT", f"{_path(name)}/points?wait=true", body, collection=name)

    async def search(self, name: str, query: VectorQuery) -> tuple[FoundPoint, ...]:
        """The points that are nearest to a vector, best first."""
        body = {
            "query": query.vector,
            "limit": query.limit,
            "offset": query.offset,
            "filter": query.filter,
            "score_threshold": query.score_threshold,
            "with_payload": query.with_payload,
            "with_vector": query.with_vector,
        }
        given = {field: value for field, value in body.items() if value is not None}
        answer = await self._ask("POST", f"{_path(name)}/points/query", given, collection=name)
        if len(answer) > LONG_BODY_BYTES:
            return await asyncio.to_thread(points_of, answer)
        return points_of(answer)

    async def metrics(self) -> bytes:
        """What it tells Prometheus."""
        return await self._ask("GET", "/metrics")

    async def close(self) -> None:
        """Close the connections."""
        carrier, self._carrier = self._carrier, None
        if carrier is not None:
            carrier.close()

    async def _ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        collection: str = "",
        again: bool = True,
    ) -> bytes:
        """The body of the answer to a request.

        Raises:
            LLMError: There is none, or it is an error.
        """
        content = body if isinstance(body, bytes | None) else msgspec.json.encode(body)
        try:
            answer = await self._sent(method, path, content, again=again)
        except EngineDiedError:
            if not again:
                raise
            answer = await self._sent(method, path, content, again=again)
        if not _OK <= answer.status < _MULTIPLE_CHOICES:
            raise error_of(answer.status, answer.body, collection)
        return answer.body

    async def _sent(self, method: str, path: str, content: bytes | None, *, again: bool) -> Answer:
        # here, for a server that nobody asks for vectors needs none of it
        from jupyter_llm.vectors.carrier import BrokenError

        carrier = await self._connected()
        try:
            return await carrier.carry(method, path, content, again=again)
        except TimeoutError as error:
            raise UpstreamError(
                f"The vector database has not answered in {self._timeout_s:.0f} s."
            ) from error
        except BrokenError as error:
            raise await self._broken(error) from error

    async def _broken(self, error: BrokenError) -> LLMError:
        if self._lost is not None:
            await self._lost()
            return EngineDiedError(
                "The embedded vector database stopped in the middle of its work; what it had "
                "answered is kept. Send the request again."
            )
        return UpstreamError(f"No answer from the vector database: {error}.")

    async def _connected(self) -> Carrier:
        address = await self._where()
        if self._carrier is not None and address == self._address:
            return self._carrier
        async with self._connecting:
            if self._carrier is None or address != self._address:
                from jupyter_llm.vectors.carrier import Carrier

                certificates = await asyncio.to_thread(_certificates, address)
                await self.close()
                self._carrier = Carrier(address, certificates, timeout_s=self._timeout_s)
                self._address = address
            return self._carrier


def _certificates(address: Address) -> ssl.SSLContext | None:
    """What a server is trusted by; in a thread, for it reads files."""
    if not address.url.startswith("https:"):
        return None
    return ssl.create_default_context(cafile=address.ca_file or None)


def _path(name: str) -> str:
    return f"/collections/{check_name(name)}"
