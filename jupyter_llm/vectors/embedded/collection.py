"""One collection: the engine's shard in a folder, and what makes the next one of it.

The folder holds `collection.json` and a generation of the shard, a folder with a number. An index
is built on a copy, by a process of its own, and takes over as the next generation: the new number
in `collection.json`, which is replaced in one step, is what makes it count.
"""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import qdrant_edge as edge

from jupyter_llm.vectors.embedded.bodies import (
    CountBody,
    DeleteBody,
    PointId,
    QueryBody,
    RetrieveBody,
    ScrollBody,
    VectorParams,
    point_id,
)
from jupyter_llm.vectors.embedded.filters import filter_of
from jupyter_llm.vectors.embedded.layout import About, config_of, read_about, write_about
from jupyter_llm.vectors.embedded.points import AT_ONCE, Row, check_size, selector
from jupyter_llm.vectors.embedded.refusals import bad, engine_errors

_FLOAT_BYTES = 4
_PAGE = 1000
_GROWTH = 0.1
"""The part of an index that may lie outside of it before another one is built."""

Update = edge.UpdateOperation
_KINDS = {kind.lower(): getattr(edge.PayloadSchemaType, kind) for kind in (
    *("Keyword", "Integer", "Float", "Geo", "Text", "Bool", "Datetime", "Uuid"),
)}  # fmt: skip


class Collection:
    """The points of one collection. Searches see every write that was answered."""

    def __init__(self, folder: Path, index_after_bytes: int) -> None:
        self.folder = folder
        self.about = read_about(folder)
        self.written_at = 0.0
        self.waiting_since: float | None = None
        self.index_after_bytes = index_after_bytes
        self._num_tried = 0
        self._writing = asyncio.Lock()
        self._touched: set[PointId] | None = None
        self._is_closed = False
        self._shard = edge.EdgeShard.load(str(self._path(self.about.generation)))

    @staticmethod
    def create(folder: Path, vectors: VectorParams, index_after_bytes: int) -> None:
        """Make an empty one in a folder that exists."""
        (folder / "0").mkdir()
        with engine_errors("vectors"):
            config = config_of(vectors, index_after_bytes)
            edge.EdgeShard.create(str(folder / "0"), config).close()
        write_about(folder, About(vectors=vectors))

    @property
    def size(self) -> int:
        """Numbers in a vector."""
        return self.about.vectors.size

    def info(self) -> Any:
        """What the engine says of it."""
        return self._shard.info()

    async def upsert(self, rows: Sequence[Row]) -> None:
        """Put points in, in the places of those with the same ids."""
        async with self._writing:
            for start in range(0, len(rows), AT_ONCE):
                part = rows[start : start + AT_ONCE]
                self._note(point for point, _ in part)
                with engine_errors("points"):
                    self._shard.update(Update.upsert_points([row for _, row in part]))
                await asyncio.sleep(0)

    async def delete(self, body: DeleteBody) -> None:
        """Take points out."""
        if (body.points is None) == (body.filter is None):
            raise bad("Say which points: give either 'points' or 'filter'.", "points")
        async with self._writing:
            ids = (
                [point_id(one, f"points[{number}]") for number, one in enumerate(body.points)]
                if body.points is not None
                else self._matching(body.filter)
            )
            for start in range(0, len(ids), _PAGE):
                part = ids[start : start + _PAGE]
                self._note(part)
                with engine_errors("points"):
                    self._shard.update(Update.delete_points(part))
                await asyncio.sleep(0)

    async def index_field(self, name: str, kind: str) -> None:
        """Make an index of a field of the payloads, which makes filters by it fast."""
        if kind.lower() not in _KINDS:
            raise bad(f"There is no index of the kind '{kind}'.", "field_schema")
        async with self._writing:
            with engine_errors("field_name"):
                self._shard.update(Update.create_field_index(name, _KINDS[kind.lower()]))

    def query(self, body: QueryBody) -> list[Any]:
        """The nearest points, nearest first."""
        vector = body.query if isinstance(body.query, list) else body.query.nearest
        check_size(vector, self.size, "query")
        asked = edge.QueryRequest(
            query=edge.Query.Nearest(vector),
            limit=body.limit,
            offset=body.offset,
            filter=filter_of(body.filter),
            score_threshold=body.score_threshold,
            with_payload=selector(body.with_payload, default=False),
            with_vector=bool(body.with_vector),
        )
        with engine_errors("query"):
            return list(self._shard.query(asked))

    def retrieve(self, body: RetrieveBody) -> list[Any]:
        """Points by their ids; those that are not there are left out."""
        ids = [point_id(one, f"ids[{number}]") for number, one in enumerate(body.ids)]
        payload = selector(body.with_payload, default=True)
        with engine_errors("ids"):
            return list(self._shard.retrieve(ids, payload, bool(body.with_vector)))

    def scroll(self, body: ScrollBody) -> tuple[list[Any], PointId | None]:
        """Points in the order of their ids, and the id of the one that comes next."""
        asked = edge.ScrollRequest(
            offset=None if body.offset is None else point_id(body.offset, "offset"),
            limit=body.limit or 10,
            filter=filter_of(body.filter),
            with_payload=selector(body.with_payload, default=True),
            with_vector=bool(body.with_vector),
        )
        with engine_errors("filter"):
            return self._shard.scroll(asked)

    def count(self, body: CountBody) -> int:
        """How many points there are."""
        asked = edge.CountRequest(filter=filter_of(body.filter), exact=body.exact)
        with engine_errors("filter"):
            return int(self._shard.count(asked))

    def wants_index(self) -> bool:
        """Whether so many points lie outside of the index that searches get slow."""
        info, row_bytes = self.info(), self.size * _FLOAT_BYTES
        # what an index was tried for and left outside, another one would leave outside, too
        num_done = max(info.indexed_vectors_count, self._num_tried)
        least = max(self.index_after_bytes / row_bytes, _GROWTH * num_done)
        return bool(info.points_count - num_done >= least)

    async def copy(self) -> Path:
        """A copy of the shard as it is now, for an index to be built in; searches go on."""
        copy = self._path(self.about.generation + 1)
        async with self._writing:
            self._touched = set()
            self._num_tried = self.info().points_count
            with engine_errors(None):
                self._shard.flush()
            await asyncio.to_thread(shutil.copytree, self._path(self.about.generation), copy)
        return copy

    async def take_over(self) -> None:
        """Go on with the copy, after it has got what was written meanwhile."""
        self._check_is_there()
        about = About(vectors=self.about.vectors, generation=self.about.generation + 1)
        fresh = edge.EdgeShard.load(str(self._path(about.generation)))
        while self._touched and len(self._touched) > AT_ONCE:
            self._bring(fresh)
            await asyncio.sleep(0)
        async with self._writing:
            self._check_is_there()
            while self._touched:
                self._bring(fresh)
            self._bring_schema(fresh)
            write_about(self.folder, about)
            old, gone = self._shard, self._path(self.about.generation)
            self._shard, self.about, self._touched = fresh, about, None
        old.close()
        await asyncio.to_thread(shutil.rmtree, gone)

    async def forget_copy(self) -> None:
        """Drop the copy; what was written is in the shard."""
        self._touched, self._num_tried = None, 0
        copy = self._path(self.about.generation + 1)
        await asyncio.to_thread(shutil.rmtree, copy, ignore_errors=True)

    def close(self) -> None:
        """Write everything out."""
        self._is_closed = True
        self._shard.close()

    def _path(self, generation: int) -> Path:
        return self.folder / str(generation)

    def _note(self, ids: Iterable[PointId]) -> None:
        """Note what is written, before it is: for the index, and for a copy that goes without."""
        self.written_at = time.monotonic()
        if self._touched is not None:
            self._touched.update(ids)

    def _matching(self, condition: Any) -> list[PointId]:
        ids: list[PointId] = []
        body = ScrollBody(limit=_PAGE, filter=condition, with_payload=False)
        while True:
            records, after = self.scroll(body)
            ids.extend(record.id for record in records)
            if after is None:
                return ids
            body.offset = after if isinstance(after, int) else str(after)

    def _check_is_there(self) -> None:
        """Another one may have its name, and so its folder, by now."""
        if self._is_closed:
            raise FileNotFoundError("the collection is gone")

    def _bring(self, fresh: edge.EdgeShard) -> None:
        """Bring some of the points that were written meanwhile, as they are now."""
        touched = self._touched or set()
        ids = [touched.pop() for _ in range(min(AT_ONCE, len(touched)))]
        kept = self._shard.retrieve(ids, True, True)
        if kept:
            points = [edge.Point(one.id, one.vector or [], one.payload or {}) for one in kept]
            fresh.update(Update.upsert_points(points))
        if gone := list(set(ids) - {one.id for one in kept}):
            fresh.update(Update.delete_points(gone))

    def _bring_schema(self, fresh: edge.EdgeShard) -> None:
        known = fresh.info().payload_schema
        for name, field in self.info().payload_schema.items():
            if name not in known:
                fresh.update(Update.create_field_index(name, field.data_type))
