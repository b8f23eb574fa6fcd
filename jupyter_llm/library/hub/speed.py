"""How fast bytes come, and when the last one will."""

from __future__ import annotations

import time
from collections import deque

_WINDOW_S = 8.0


class Speed:
    """Bytes per second over the last seconds; fed from one thread, read from another."""

    def __init__(self, num_bytes: int) -> None:
        self._marks: deque[tuple[float, int]] = deque([(time.monotonic(), num_bytes)])

    def note(self, num_bytes: int) -> None:
        """There are so many bytes now."""
        now = time.monotonic()
        self._marks.append((now, num_bytes))
        while len(self._marks) > 2 and now - self._marks[0][0] > _WINDOW_S:  # noqa: PLR2004
            self._marks.popleft()

    @property
    def bytes_per_s(self) -> float:
        """The mean of the last seconds; 0 before there is one."""
        (then, before), (_, after) = self._marks[0], self._marks[-1]
        elapsed_s = time.monotonic() - then
        return max(after - before, 0) / elapsed_s if elapsed_s > 0 else 0.0

    def eta_s(self, missing_bytes: int) -> float | None:
        """Seconds until so many more bytes are here; `None` while none come."""
        speed = self.bytes_per_s
        return missing_bytes / speed if speed else None
