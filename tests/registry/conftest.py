"""Registries in both databases."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from postgres import Postgres

from jupyter_llm.registry.database import Registry

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with Postgres() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a registry that does not exist yet."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'own' / 'registry.sqlite3'}"
    server: Postgres = request.getfixturevalue("postgres")
    return server.database()


@pytest.fixture
def registry(url: str, jp_asyncio_loop: asyncio.AbstractEventLoop) -> Iterator[Registry]:
    """An empty registry, closed after the test."""
    registry = Registry(url)
    yield registry
    jp_asyncio_loop.run_until_complete(registry.close())
