"""How long a model stays in memory that nobody uses."""

from __future__ import annotations

import asyncio
import math
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Lifetime:
    """Counts the idle seconds of one instance and ends it after its keep-alive.

    `keep_alive_s` may be 0 (it leaves with its last request) or infinite. `end` is called
    on the event loop, at a moment when nobody uses the instance. `expires_at` is when that
    will be, in seconds since the epoch; `None` while it is not counted.
    """

    def __init__(self, keep_alive_s: float, end: Callable[[], None]) -> None:
        self.keep_alive_s = keep_alive_s
        self.last_used_at = time.monotonic()
        self.expires_at: float | None = None
        self._end = end
        self._num_users = 0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def expires_in_s(self) -> float:
        """Seconds until the end, if nobody comes; infinite while somebody is there."""
        if self._timer is None:
            return math.inf
        return max(0.0, self._timer.when() - asyncio.get_running_loop().time())

    def hold(self) -> None:
        """Somebody uses the instance until they `release` it."""
        self._num_users += 1
        self.last_used_at = time.monotonic()
        self.stop()

    def release(self, keep_alive_s: float | None = None) -> None:
        """One user has left; the last one may have asked for another keep-alive."""
        self._num_users -= 1
        self.last_used_at = time.monotonic()
        if keep_alive_s is not None:
            self.keep_alive_s = keep_alive_s
        self.start()

    def keep_for(self, keep_alive_s: float) -> None:
        """Change the keep-alive, from this moment on."""
        self.keep_alive_s = keep_alive_s
        self.start()

    def start(self) -> None:
        """Begin to count, unless somebody uses the instance."""
        self.stop()
        if self._num_users == 0 and math.isfinite(self.keep_alive_s):
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self.keep_alive_s, self._end)
            self.expires_at = time.time() + self.keep_alive_s

    def stop(self) -> None:
        """Count no more, until the next `start` or `release`."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = self.expires_at = None
