"""One answer of a model while it grows."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from jupyter_llm.client.reply import GrowingReply

if TYPE_CHECKING:
    from collections.abc import Callable

    from jupyter_llm.client import ChatDelta
    from jupyter_llm.types import Timings, Usage

_THOUSAND = 1000


class Answer:
    """The text so far and what is known about it.

    `outcome` is the finish reason, or `stopped` or `failed`; it is empty while the answer
    grows. `error` says why it failed. Times are as the reader sees them.
    """

    def __init__(self, model: str = "", clock: Callable[[], float] = time.monotonic) -> None:
        self.model = model
        self.outcome = ""
        self.error = ""
        self.usage: Usage | None = None
        self.timings: Timings | None = None
        self.first_token_s: float | None = None
        self._growing = GrowingReply()
        self._clock = clock
        self._asked_at = clock()

    def __repr__(self) -> str:
        said = self.error or self.text
        return f"{said}\n[{self.status()}]" if said else f"[{self.status()}]"

    @property
    def text(self) -> str:
        """What the model has said so far."""
        return self._growing.reply().text

    @property
    def finish_reason(self) -> str:
        """Why the model has ended, once it has."""
        return self._growing.reply().finish_reason or ""

    @property
    def reasoning(self) -> str:
        """What it thought before."""
        return self._growing.reply().reasoning

    @property
    def tokens_per_s(self) -> float | None:
        """The pace after the first token, by the server's clock."""
        if not self.usage or not self.timings or self.timings.decode_s <= 0:
            return None
        num_timed = self.usage.completion_tokens - 1
        return num_timed / self.timings.decode_s if num_timed > 0 else None

    def begin(self) -> None:
        """Measure from now on: the question is asked."""
        self._asked_at = self._clock()

    def add(self, delta: ChatDelta) -> None:
        """Take what has just arrived."""
        if self.first_token_s is None and (delta.text or delta.reasoning):
            self.first_token_s = self._clock() - self._asked_at
        self._growing.add(delta)
        self.model = delta.model or self.model
        self.usage, self.timings = delta.usage, delta.timings

    def _doing(self) -> str:
        if self.first_token_s is None:
            return "waiting …"
        return "answering …" if self.text else "thinking …"

    def status(self) -> str:
        """One line: model, tokens, pace, time to the first token, outcome."""
        parts = [self.model]
        if self.usage:
            parts.append(f"{self.usage.completion_tokens} tokens")
        if self.tokens_per_s is not None:
            parts.append(f"{_three_digits(self.tokens_per_s)} tokens/s")
        if self.first_token_s is not None:
            parts.append(f"first token after {self.first_token_s:.2f} s")
        parts.append(self.outcome or self._doing())
        return " · ".join(part for part in parts if part)


def _three_digits(number: float) -> str:
    return f"{number:.3g}" if number < _THOUSAND else f"{number:.0f}"
