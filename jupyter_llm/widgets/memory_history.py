"""How the memory of one device went, over the last minutes."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jupyter_llm.types import Device

MAX_SAMPLES = 900


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """Whose the memory was, in bytes, `at` seconds since the epoch."""

    at: float
    own_bytes: int
    other_servers_bytes: int
    others_bytes: int

    @property
    def used_bytes(self) -> int:
        """What everybody together had."""
        return self.own_bytes + self.other_servers_bytes + self.others_bytes


class MemoryHistory:
    """The samples of the last `seconds`, and at most `MAX_SAMPLES`."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._samples: deque[Sample] = deque(maxlen=MAX_SAMPLES)

    @property
    def samples(self) -> tuple[Sample, ...]:
        """The oldest first."""
        return tuple(self._samples)

    def add(self, device: Device, at: float) -> None:
        """Note how it is now, and forget what is too long ago."""
        others = max(device.used_bytes - device.own_bytes - device.other_servers_bytes, 0)
        self._samples.append(
            Sample(
                at=at,
                own_bytes=device.own_bytes,
                other_servers_bytes=device.other_servers_bytes,
                others_bytes=others,
            )
        )
        while self._samples[0].at < at - self.seconds:
            self._samples.popleft()
