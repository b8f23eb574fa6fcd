"""The folder of a collection: `collection.json`, and a generation of the shard in a folder."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import msgspec
import qdrant_edge as edge

from jupyter_llm.vectors.embedded.bodies import VectorParams

ABOUT = "collection.json"


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


def open_copy(path: Path, index_after_bytes: int) -> edge.EdgeShard:
    """The copy of a shard that an index is to be built in."""
    about = read_about(path.parent)
    return edge.EdgeShard.load(str(path), config_of(about.vectors, index_after_bytes))


def config_of(vectors: VectorParams, index_after_bytes: int) -> edge.EdgeConfig:
    """What the engine is told of a shard."""
    # half of it: the engine decides by segment, of which there may be two
    threshold_kb = max(index_after_bytes // 2048, 1)
    distance = getattr(edge.Distance, vectors.distance)
    return edge.EdgeConfig(
        vectors=edge.EdgeVectorParams(vectors.size, distance),
        optimizers=edge.EdgeOptimizersConfig(indexing_threshold=threshold_kb),
    )


def clear(folder: Path) -> None:
    """Remove what a process that was killed has left: generations that do not count."""
    about = read_about(folder)
    for path in folder.iterdir():
        if path.is_dir() and path.name != str(about.generation):
            shutil.rmtree(path)
