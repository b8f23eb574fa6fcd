"""One answer while it grows, and how it looks."""

from __future__ import annotations

import re
import time
from dataclasses import asdict
from html import escape
from typing import TYPE_CHECKING, Any

from .display import View

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from jupyter_llm.client import ChatDelta
    from jupyter_llm.types import Timings, Usage

    from .display import Output

_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})(.*)$", re.MULTILINE)


class Answer:
    """The text so far and what is known about it.

    `outcome` is the finish reason, or `interrupted` or `failed`; it is empty
    while the answer grows. Times are as the reader of the cell sees them, from
    the first request on.
    """

    def __init__(self, model: str = "", clock: Callable[[], float] = time.monotonic) -> None:
        self.model = model
        self.outcome = ""
        self.usage: Usage | None = None
        self.timings: Timings | None = None
        self.first_token_s: float | None = None
        self._pieces: list[str] = []
        self._clock = clock
        self._asked_at = clock()

    @property
    def text(self) -> str:
        """What the model has said so far."""
        return "".join(self._pieces)

    def add(self, delta: ChatDelta) -> None:
        """Take what has just arrived."""
        if delta.text and self.first_token_s is None:
            self.first_token_s = self._clock() - self._asked_at
        self._pieces.append(delta.text)
        self.model = delta.model or self.model
        self.outcome = delta.finish_reason or ""
        self.usage, self.timings = delta.usage, delta.timings

    @property
    def tokens_per_s(self) -> float | None:
        """The pace after the first token, by the server's clock."""
        if not self.usage or not self.timings or self.timings.decode_s <= 0:
            return None
        num_timed = self.usage.completion_tokens - 1
        return num_timed / self.timings.decode_s if num_timed > 0 else None

    def status(self) -> str:
        """One line: model, tokens, pace, time to the first token, outcome."""
        parts = [self.model]
        if self.usage:
            parts.append(f"{self.usage.completion_tokens} tokens")
        if self.tokens_per_s is not None:
            parts.append(f"{self.tokens_per_s:.3g} tokens/s")
        if self.first_token_s is not None:
            parts.append(f"first token after {self.first_token_s:.2f} s")
        parts.append(self.outcome or "answering …")
        return " · ".join(part for part in parts if part)

    def view(self) -> View:
        """The answer as Markdown and as text, each with its status line."""
        text, status = self.text, self.status()
        muted = f'<small style="opacity: 0.6">{escape(status)}</small>'
        return View(
            markdown=_paragraphs(closed(text), muted),
            text=_paragraphs(text, f"[{status}]") if self.outcome else text,
            metadata={"jupyter_llm": self.facts()},
        )

    def facts(self) -> dict[str, Any]:
        """What a program that reads the notebook later may want to know."""
        return {
            "model": self.model,
            "finish_reason": self.outcome or None,
            "usage": asdict(self.usage) if self.usage else None,
            "timings": asdict(self.timings) if self.timings else None,
            "time_to_first_token_s": self.first_token_s,
        }


def stream(deltas: Generator[ChatDelta, None, None], answer: Answer, output: Output) -> None:
    """Fill `answer` from `deltas` and show it as it grows.

    Whatever ends it early, an interrupt above all, closes the stream, which
    stops the model, and leaves on screen what has come so far.
    """
    outcome = "failed"
    try:
        output.show(answer.view)
        for delta in deltas:
            answer.add(delta)
            output.show(answer.view)
        outcome = answer.outcome
    except KeyboardInterrupt:
        outcome = "interrupted"
        raise
    finally:
        deltas.close()
        answer.outcome = outcome
        output.finish(answer.view())


def _paragraphs(*parts: str) -> str:
    return "\n\n".join(part for part in parts if part)


def closed(markdown: str) -> str:
    """`markdown` with a code fence that is still open closed behind it."""
    fence = ""
    for mark, rest in _FENCE.findall(markdown):
        if not fence:
            fence = "" if "`" in rest and mark[0] == "`" else mark
        elif mark.startswith(fence) and not rest.strip():
            fence = ""
    return f"{markdown}\n{fence}" if fence else markdown
