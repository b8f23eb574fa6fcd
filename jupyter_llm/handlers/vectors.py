"""`/api/v1/vector-db`: collections of vectors in the embedded database, by URL, or in a service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jupyter_server.auth.decorator import authorized
from tornado import web

from .services import viewer
from .wire.vectors import (
    collection_body,
    collection_call,
    collections_body,
    created_body,
    deleted_body,
    found_body,
    num_points,
    search_call,
    upserted_body,
)
from .work import WorkHandler

_METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"

if TYPE_CHECKING:
    from jupyter_llm.vectors.store import VectorStore


class VectorHandler(WorkHandler):
    """What the routes below have in common."""

    async def store(self, database_id: str) -> VectorStore:
        """The database of this id, as far as the caller has it."""
        return await self.context.vectors.find(database_id, user=viewer(self))


class VectorCollectionsHandler(VectorHandler):
    """`/api/v1/vector-db/{id}/collections`."""

    _track_activity = False

    @web.authenticated
    @authorized("read", "llm")
    async def get(self, database_id: str) -> None:
        """The names of all collections."""
        names = await (await self.store(database_id)).collections()
        self.finish(collections_body(names, database_id))


class VectorCollectionHandler(VectorHandler):
    """`/api/v1/vector-db/{id}/collections/{name}`."""

    @web.authenticated
    @authorized("read", "llm")
    async def get(self, database_id: str, name: str) -> None:
        """What a collection is like, and how many points it has."""
        store = await self.store(database_id)
        self.finish(collection_body(await store.collection(name)))

    @web.authenticated
    @authorized("write", "llm")
    async def put(self, database_id: str, name: str) -> None:
        """Make an empty collection."""
        asked = collection_call(self.request.body)
        store = await self.store(database_id)
        await store.create(
            name,
            vector_size=asked.vector_size,
            distance=asked.distance,
            indexes=asked.payload_indexes,
        )
        self.finish(created_body(name, asked))

    @web.authenticated
    @authorized("write", "llm")
    async def delete(self, database_id: str, name: str) -> None:
        """Delete a collection with all its points."""
        await (await self.store(database_id)).delete(name)
        self.finish(deleted_body(name))


class VectorPointsHandler(VectorHandler):
    """Points of a collection."""

    @web.authenticated
    @authorized("write", "llm")
    async def put(self, database_id: str, name: str) -> None:
        """Put points in; they are on the disk when the answer comes."""
        count = await self.understood(num_points)
        await (await self.store(database_id)).upsert(name, self.request.body)
        self.finish(upserted_body(name, count))


class VectorSearchHandler(VectorHandler):
    """The points nearest to a vector."""

    @web.authenticated
    @authorized("execute", "llm")
    async def post(self, database_id: str, name: str) -> None:
        """Find them, best first."""
        query = await self.understood(search_call)
        found = await (await self.store(database_id)).search(name, query)
        self.finish(found_body(found))


class VectorMetricsHandler(VectorHandler):
    """`GET /api/v1/vector-db/{id}/metrics`."""

    _track_activity = False

    @web.authenticated
    @authorized("read", "llm")
    async def get(self, database_id: str) -> None:
        """What the database tells Prometheus, as it does."""
        figures = await (await self.store(database_id)).metrics()
        self.finish(figures, set_content_type=_METRICS_TYPE)
