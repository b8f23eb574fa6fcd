"""The folder of a collection: `collection.json`, and a generation of the shard in a folder."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import msgspec
import qdrant_edge as edge

from jupyter_llm.vectors.embedded.bodies import VectorParams

ABOUT = "collection.json"

_NUM_SEARCHING = 1
"""Threads that search a shard. With more, each search is handed from thread to thread several
times, which costs more than they save: a collection has one large segment, as a rule."""


class About(msgspec.Struct, kw_only=True):
    """What `collection.json` says."""

    vectors: VectorParams
    generation: int = 0


def read_about(folder: Path) -> About:
    """What the collection in a folder is, and which generation counts."""
    return msgspec.json.decode((folder / ABOUT).read_bytes(), type=About)


def write_about(folder: Path, about: About) -> None:
    """Say so, in one step."""
    draft = folder / f"{ABOUT}.new"
    draft.write_bytes(msgspec.json.encode(about))
    os.replace(draft, folder / ABOUT)  # noqa: PTH105 - what it is: one step


def open_shard(path: Path, vectors: VectorParams) -> edge.EdgeShard:
    """The shard in a folder, otherwise as it was made."""
    config = edge.EdgeConfig(vectors=_params(vectors), max_search_threads=_NUM_SEARCHING)
    return edge.EdgeShard.load(str(path), config)


def open_copy(path: Path, index_after_bytes: int) -> edge.EdgeShard:
    """The copy of a shard that an index is to be built in."""
    about = read_about(path.parent)
    return edge.EdgeShard.load(str(path), config_of(about.vectors, index_after_bytes))


def config_of(vectors: VectorParams, index_after_bytes: int) -> edge.EdgeConfig:
    """What the engine is told of a shard."""
    # half of it: the engine decides by segment, of which there may be two
    threshold_kb = max(index_after_bytes // 2048, 1)
    return edge.EdgeConfig(
        vectors=_params(vectors),
        optimizers=edge.EdgeOptimizersConfig(indexing_threshold=threshold_kb),
        max_search_threads=_NUM_SEARCHING,
    )


def _params(vectors: VectorParams) -> edge.EdgeVectorParams:
    return edge.EdgeVectorParams(vectors.size, getattr(edge.Distance, vectors.distance))


def clear(folder: Path) -> None:
    """Remove what a process that was killed has left: generations that do not count."""
    about = read_about(folder)
    for path in folder.iterdir():
        if path.is_dir() and path.name != str(about.generation):
            shutil.rmtree(path)
