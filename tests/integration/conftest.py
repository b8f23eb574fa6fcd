"""A live server with the guide in memory."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from live import LiveServer


@pytest.fixture(scope="module")
def guide_server() -> Iterator[LiveServer]:
    with LiveServer("--LLMExtension.preload=True") as server:
        yield server
