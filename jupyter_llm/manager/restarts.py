"""How often the engine of a model was brought back, and when it is the next time."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from jupyter_llm.errors import EngineDiedError
from jupyter_llm.manager.decide import next_restart

if TYPE_CHECKING:
    from jupyter_llm.manager.settings import RestartPolicy


class Restarts:
    """The restarts of one instance in a row; callers wait `patience_s` for one at most."""

    def __init__(self, policy: RestartPolicy, patience_s: float) -> None:
        self._policy = policy
        self._patience_s = patience_s
        self._number = 0
        self._due_at = 0.0

    def plan(self, served_s: float | None) -> float | None:
        """The seconds until the restart after a failure; `None` gives the model up.

        `served_s` is for how long the engine was ready, `None` where it never was.
        """
        restart = next_restart(self._policy, self._number, served_s)
        if restart is None:
            return None
        self._number = restart.number
        self._due_at = time.monotonic() + restart.delay_s
        return restart.delay_s

    async def due(self) -> None:
        """Wait for the time of the restart that was planned."""
        try:
            await asyncio.sleep(self._due_at - time.monotonic())
        finally:
            self._due_at = 0.0

    def check(self, reason: str) -> None:
        """Have nobody wait for a restart that is too far away; `reason` is what went wrong.

        Raises:
            EngineDiedError: It is; `retry_after_s` says how far.
        """
        remaining_s = self._due_at - time.monotonic()
        if remaining_s > self._patience_s:
            raise EngineDiedError(
                f"{reason} The next restart is in {remaining_s:.0f} s.",
                retry_after_s=remaining_s,
            )
