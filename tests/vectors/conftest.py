"""Embedded databases that a test has for itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from jupyter_llm.vectors.databases import LOCAL, VectorDatabases
from jupyter_llm.vectors.running import EmbeddedSettings

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterator
    from pathlib import Path

    from jupyter_llm.vectors.store import VectorStore

INDEX_AFTER_BYTES = 64 << 10
"""Soon, so that indexes are built while a test goes on."""


@pytest.fixture
def settings(tmp_path: Path) -> EmbeddedSettings:
    return EmbeddedSettings(folder=tmp_path / "vectors", index_after_bytes=INDEX_AFTER_BYTES)


@pytest.fixture
def databases(
    settings: EmbeddedSettings, jp_asyncio_loop: asyncio.AbstractEventLoop
) -> Iterator[VectorDatabases]:
    databases = VectorDatabases(settings)
    yield databases
    jp_asyncio_loop.run_until_complete(databases.stop())


@pytest.fixture
def store(databases: VectorDatabases, jp_asyncio_loop: asyncio.AbstractEventLoop) -> VectorStore:
    return jp_asyncio_loop.run_until_complete(databases.find(LOCAL, user=""))
