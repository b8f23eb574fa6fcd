"""The engine of an instance, for everybody who waits for it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jupyter_llm.engines.base import Engine
    from jupyter_llm.errors import LLMError


class Readiness:
    """Belongs to one event loop; what was announced or refused last holds for who asks later."""

    def __init__(self) -> None:
        self._engine: asyncio.Future[Engine] = _new_future()

    async def engine(self) -> Engine:
        """The engine once it serves; a caller that leaves changes nothing.

        Raises:
            LLMError: It was refused.
        """
        return await asyncio.shield(self._engine)

    def announce(self, engine: Engine) -> None:
        """It serves from now on."""
        self._engine.set_result(engine)

    def renew(self) -> None:
        """It serves no longer: whoever asks now waits for the next one."""
        if self._engine.done():
            self._engine = _new_future()

    def refuse(self, error: LLMError) -> None:
        """Tell everybody who waits, and who will ask, that there is no engine."""
        self.renew()
        self._engine.set_exception(error)
        self._engine.exception()  # asyncio complains about errors that nobody reads


def _new_future() -> asyncio.Future[Engine]:
    return asyncio.get_running_loop().create_future()
