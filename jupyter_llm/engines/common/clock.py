"""When things happened to a request."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from jupyter_llm.types import Timings


@dataclass(kw_only=True, slots=True)
class Clock:
    """Moments on the monotonic clock; 0 until they come."""

    submitted: float = field(default_factory=time.monotonic)
    started: float = 0.0
    first_token: float = 0.0

    def note_first_token(self) -> None:
        """Record when the first token was drawn; later ones change nothing."""
        self.first_token = self.first_token or time.monotonic()

    def timings(self) -> Timings:
        """The durations, for a request that ends now."""
        now = time.monotonic()
        started = self.started or now
        first_token = self.first_token or now
        return Timings(
            queue_s=started - self.submitted,
            prefill_s=first_token - started,
            decode_s=now - first_token,
        )
