"""How many requests may be in one instance, and when to come back."""

from __future__ import annotations

import time
from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING

from jupyter_llm.manager.decide import check_place, retry_after_s

if TYPE_CHECKING:
    from collections.abc import Iterator

_MEASURED_COMPLETIONS = 64


class Places:
    """The requests inside one instance, and how fast they leave it.

    A place is taken from a request's arrival to its last token. Time is measured
    while requests are inside: an idle hour says nothing about the next place.
    """

    def __init__(self, model_id: str) -> None:
        self._model_id = model_id
        self._num_inside = 0
        self._measured_since = 0.0
        self._left_at: deque[float] = deque(maxlen=_MEASURED_COMPLETIONS)

    @property
    def num_inside(self) -> int:
        """Requests that run or wait."""
        return self._num_inside

    @contextmanager
    def enter(self, num_places: int) -> Iterator[None]:
        """Hold one of `num_places` inside the block.

        Raises:
            OverloadedError: All are taken; `retry_after_s` is when one is expected.
        """
        now = time.monotonic()
        check_place(self._model_id, self._num_inside, num_places, self._expected_s(now))
        if self._num_inside == 0:
            self._left_at.clear()
            self._measured_since = now
        self._num_inside += 1
        try:
            yield
        finally:
            self._num_inside -= 1
            self._note_departure()

    def _note_departure(self) -> None:
        if len(self._left_at) == _MEASURED_COMPLETIONS:
            self._measured_since = self._left_at[0]
        self._left_at.append(time.monotonic())

    def _expected_s(self, now: float) -> float:
        return retry_after_s(now - self._measured_since, len(self._left_at))
