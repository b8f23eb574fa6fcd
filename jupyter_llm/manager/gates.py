"""Where requests wait while the model that they want is replaced."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class Gates:
    """One gate a name, open unless somebody holds it closed."""

    def __init__(self) -> None:
        self._closed: dict[str, asyncio.Event] = {}

    @contextmanager
    def closed(self, *names: str) -> Iterator[None]:
        """Hold these names closed inside the block; one holder at a time."""
        opened = asyncio.Event()
        self._closed |= dict.fromkeys(names, opened)
        try:
            yield
        finally:
            for name in names:
                del self._closed[name]
            opened.set()

    def is_closed(self, name: str) -> bool:
        """Whether who comes to the gate of this name has to wait."""
        return name in self._closed

    async def passed(self, name: str) -> None:
        """Wait until the gate of this name is open."""
        while (opened := self._closed.get(name)) is not None:
            await opened.wait()
