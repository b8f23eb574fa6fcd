"""As much of Qdrant's REST API as its clients use, over one folder of collections."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from tornado.web import Application

from jupyter_llm.vectors.embedded import bodies
from jupyter_llm.vectors.embedded.figures import Figures
from jupyter_llm.vectors.embedded.folder import Folder
from jupyter_llm.vectors.embedded.handler import Handler
from jupyter_llm.vectors.embedded.points import points_of, record_body, scored_body, wire_id
from jupyter_llm.vectors.embedded.refusals import Refusal

VERSION = "1.20.0"
"""Of Qdrant's API: clients look at it before they ask anything."""

_COMPLETED = {"operation_id": 0, "status": "completed"}


class Root(Handler):
    """Who answers."""

    def get(self) -> None:
        """Title and version."""
        self.write_json({"title": "qdrant - vector search engine", "version": VERSION})


class Ready(Handler):
    """Whether it answers, for whoever asks."""

    def prepare(self) -> None:
        """Want no key."""

    def get(self) -> None:
        """It does."""
        self.finish("all shards are ready")


class Metrics(Handler):
    """Figures for Prometheus."""

    def get(self) -> None:
        """All of them as text."""
        self.set_header("Content-Type", "text/plain; version=0.0.4")
        self.finish(self.figures.render())


class Collections(Handler):
    """All collections."""

    def get(self) -> None:
        """Their names."""
        self.answer({"collections": [{"name": name} for name in self.folder.names()]})


class One(Handler):
    """A collection."""

    def get(self, name: str) -> None:
        """What it is like."""
        collection = self.folder.find(name)
        info = collection.info()
        schema = {
            field: {
                "data_type": str(known.data_type).rsplit(".")[-1].lower(),
                "points": known.points,
            }
            for field, known in info.payload_schema.items()
        }
        self.answer(
            {
                "status": "green",
                "optimizer_status": "ok",
                "segments_count": info.segments_count,
                "points_count": info.points_count,
                "indexed_vectors_count": info.indexed_vectors_count,
                "payload_schema": schema,
                "config": _config(collection.about.vectors),
            }
        )

    def put(self, name: str) -> None:
        """Make it."""
        self.folder.create(name, self.read(bodies.CreateBody).vectors)
        self.answer(True)

    def delete(self, name: str) -> None:
        """Remove it."""
        self.answer(self.folder.remove(name))


class Exists(Handler):
    """Whether a collection exists."""

    def get(self, name: str) -> None:
        """Yes or no."""
        self.answer({"exists": self.folder.exists(name)})


class Points(Handler):
    """Points of a collection."""

    async def put(self, name: str) -> None:
        """Put points in."""
        collection = self.folder.find(name)
        await collection.upsert(points_of(self.read(bodies.UpsertBody), collection.size))
        self.answer(_COMPLETED)

    def post(self, name: str) -> None:
        """Points by their ids."""
        found = self.folder.find(name).retrieve(self.read(bodies.RetrieveBody))
        self.answer([record_body(record) for record in found])


class Delete(Handler):
    """Points to go."""

    async def post(self, name: str) -> None:
        """Take them out."""
        await self.folder.find(name).delete(self.read(bodies.DeleteBody))
        self.answer(_COMPLETED)


class Search(Handler):
    """The nearest points."""

    def post(self, name: str) -> None:
        """Find them."""
        found = self.folder.find(name).query(self.read(bodies.QueryBody))
        self.answer({"points": [scored_body(point) for point in found]})


class Count(Handler):
    """How many points there are."""

    def post(self, name: str) -> None:
        """Count them."""
        self.answer({"count": self.folder.find(name).count(self.read(bodies.CountBody))})


class Scroll(Handler):
    """Points one page after the other."""

    def post(self, name: str) -> None:
        """A page."""
        records, after = self.folder.find(name).scroll(self.read(bodies.ScrollBody))
        page = [record_body(record) for record in records]
        self.answer({"points": page, "next_page_offset": wire_id(after)})


class Index(Handler):
    """Indexes of payloads' fields."""

    async def put(self, name: str) -> None:
        """Make one."""
        body = self.read(bodies.IndexBody)
        schema = body.field_schema
        kind = schema if isinstance(schema, str) else schema.type
        await self.folder.find(name).index_field(body.field_name, kind)
        self.answer(_COMPLETED)


class Unknown(Handler):
    """Every other path."""

    def prepare(self) -> None:
        """Say that there is nothing."""
        super().prepare()
        raise Refusal(HTTPStatus.NOT_FOUND, "The embedded database has no such path.")


def application(folder: Folder, key: str, figures: Figures) -> Application:
    """The routes."""
    given = {"folder": folder, "key": key, "figures": figures}
    routes: Sequence[tuple[str, type[Handler]]] = (
        ("/", Root),
        ("/(?:healthz|livez|readyz)", Ready),
        ("/metrics", Metrics),
        ("/collections", Collections),
        ("/collections/([^/]+)", One),
        ("/collections/([^/]+)/exists", Exists),
        ("/collections/([^/]+)/points", Points),
        ("/collections/([^/]+)/points/delete", Delete),
        ("/collections/([^/]+)/points/query", Search),
        ("/collections/([^/]+)/points/count", Count),
        ("/collections/([^/]+)/points/scroll", Scroll),
        ("/collections/([^/]+)/index", Index),
        ("/.*", Unknown),
    )
    return Application(
        [(path, handler, given) for path, handler in routes], log_function=lambda _handler: None
    )


def _config(vectors: bodies.VectorParams) -> dict[str, Any]:
    """As much as clients insist on; the engine has its own defaults for the rest."""
    return {
        "params": {
            "vectors": {"size": vectors.size, "distance": vectors.distance},
            "shard_number": 1,
            "replication_factor": 1,
            "write_consistency_factor": 1,
            "on_disk_payload": True,
        },
        "hnsw_config": {"m": 16, "ef_construct": 100, "full_scan_threshold": 10_000},
        "optimizer_config": {
            "deleted_threshold": 0.2,
            "vacuum_min_vector_number": 1000,
            "default_segment_number": 0,
            "flush_interval_sec": 5,
        },
        "wal_config": {"wal_capacity_mb": 32, "wal_segments_ahead": 0},
    }
