from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from contract import Stage, staged


@pytest.fixture(scope="session")
def stage(request: pytest.FixtureRequest) -> Iterator[tuple[Stage, asyncio.Runner]]:
    """The engine that a test of the contract is about, loaded once for all of them."""
    with staged(request.param) as one:
        yield one
