"""What the server was asked a moment ago, for keys that may not wait for it."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

WAIT_S = 0.5  # what a key may take before people press it again
KEEP_S = 5.0


class Recent(Generic[T]):
    """A value that `ask` brings, in a thread, and that is asked for anew after `KEEP_S`.

    `get` waits `WAIT_S` at most: then, and where `ask` fails, it returns what was known
    before, at first `nothing`. One thread at most waits for an answer, and what comes late
    is there for the next time.
    """

    def __init__(
        self, ask: Callable[[], T], nothing: T, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._ask = ask
        self._value = nothing
        self._clock = clock
        self._known_at: float | None = None
        self._asking: threading.Thread | None = None

    def get(self) -> T:
        """The value as it is, or was a moment ago."""
        if not self._is_fresh():
            if self._asking is None or not self._asking.is_alive():
                self._asking = threading.Thread(target=self._renew, name="completion", daemon=True)
                self._asking.start()
            self._asking.join(WAIT_S)
        return self._value

    def _is_fresh(self) -> bool:
        return self._known_at is not None and self._clock() - self._known_at < KEEP_S

    def _renew(self) -> None:
        with suppress(Exception):  # a completion that fails offers nothing
            self._value = self._ask()
        self._known_at = self._clock()
