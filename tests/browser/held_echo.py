"""A server extension that holds answers of echo: a test can act in the middle of one.

While the file that `HELD_ECHO` names exists, echo says the first words of each answer and
waits. An answer that takes a while instead would be over before a slow machine looks at it.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING

from jupyter_llm.engines.echo.engine import EchoEngine

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from jupyter_server.serverapp import ServerApp

    from jupyter_llm.types import GenerationRequest, TokenChunk

NUM_WORDS = 20
HOLDING = "--ServerApp.jpserver_extensions={'jupyter_llm': True, 'held_echo': True}"
_PATH = f"{Path(__file__).parent}:{os.environ.get('PYTHONPATH', '')}"


class Hold:
    """Holds the answers of the servers with its environment, from `begin` to `end`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.environment = {"PYTHONPATH": _PATH, "HELD_ECHO": str(path)}

    def begin(self) -> None:
        self._path.touch()

    def end(self) -> None:
        self._path.unlink(missing_ok=True)


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "held_echo"}]


def _load_jupyter_server_extension(server: ServerApp) -> None:
    del server
    hold = Path(os.environ["HELD_ECHO"])
    generate = EchoEngine.generate

    async def generate_held(
        self: EchoEngine, request: GenerationRequest
    ) -> AsyncGenerator[TokenChunk, None]:
        num_words = 0
        async with aclosing(generate(self, request)) as chunks:
            async for chunk in chunks:
                yield chunk
                num_words += 1
                while num_words >= NUM_WORDS and hold.exists():  # noqa: ASYNC240 - a test's file
                    await asyncio.sleep(0.02)

    EchoEngine.generate = generate_held  # type: ignore[method-assign]  # for this server alone
