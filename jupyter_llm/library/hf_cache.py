"""The cache of huggingface_hub: where it is, and the models in it.

Its layout: `models--ORG--NAME/refs/main` holds a revision, `snapshots/REVISION/…` the
files of that revision, as links into `blobs/`
(https://huggingface.co/docs/huggingface_hub/guides/manage-cache).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from jupyter_llm.library.files import find_models

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jupyter_llm.library.files import Files

_PREFIX = "models--"
_MAX_REF_BYTES = 200


def default_cache() -> Path:
    """Where huggingface_hub keeps what it downloads, by the same variables.

    Not taken from its `constants`: importing it takes longer than anything else at the
    start of a server. A test compares the two.
    """
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        if value := os.environ.get(name):
            return Path(os.path.expandvars(value)).expanduser()
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    home = os.environ.get("HF_HOME") or str(Path(cache, "huggingface"))
    return Path(os.path.expandvars(home)).expanduser() / "hub"


def cached_models(cache: Path) -> Iterator[tuple[str, Path, Files]]:
    """Every model of the newest revision of each repository: `org/name`, its folder, files."""
    try:
        folders = sorted(path for path in cache.iterdir() if path.name.startswith(_PREFIX))
    except OSError:
        return  # no cache, no models
    for folder in folders:
        snapshot = _snapshot(folder)
        if snapshot is None:
            continue
        repo_id = folder.name.removeprefix(_PREFIX).replace("--", "/", 1)
        for files in find_models(snapshot, own=folder / "blobs"):
            yield repo_id, snapshot, files


def _snapshot(folder: Path) -> Path | None:
    """The revision that `main` is, or else the one that came last."""
    snapshots = folder / "snapshots"
    try:
        with (folder / "refs" / "main").open("rb") as file:
            revision = file.read(_MAX_REF_BYTES).decode("ascii", "replace").strip()
        if revision.isalnum() and (snapshots / revision).is_dir():
            return snapshots / revision
    except OSError:
        pass  # a repository that was fetched by its revision has no such file
    try:
        return max(snapshots.iterdir(), key=lambda path: path.stat().st_mtime_ns, default=None)
    except OSError:
        return None
