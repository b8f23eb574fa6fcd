"""One answer while it grows, and how it looks."""

from __future__ import annotations

import re
import time
from dataclasses import asdict
from html import escape
from typing import TYPE_CHECKING, Any

from jupyter_llm.client.reply import GrowingReply

from .display import View, fenced

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from jupyter_llm.client import ChatDelta
    from jupyter_llm.client.reply import Reply

    from .display import Output

_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})(.*)$", re.MULTILINE)


class Answer:
    """What the model has said and thought so far, and what is known about it.

    `outcome` is the finish reason, or `interrupted` or `failed`; it is empty
    while the answer grows. Times are as the reader of the cell sees them, from
    the first request on. An answer in a `language`, such as JSON, is shown as code.
    """

    def __init__(
        self, model: str = "", *, language: str = "", clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.outcome = ""
        self.first_token_s: float | None = None
        self._named = model
        self._language = language
        self._growing = GrowingReply()
        self._clock = clock
        self._asked_at = clock()
        self._thought_s: float | None = None

    @property
    def reply(self) -> Reply:
        """The reply so far."""
        return self._growing.reply()

    @property
    def text(self) -> str:
        """What the model has said so far."""
        return self.reply.text

    def add(self, delta: ChatDelta) -> None:
        """Take what has just arrived."""
        self._growing.add(delta)
        passed_s = self._clock() - self._asked_at
        if self.first_token_s is None and (delta.text or delta.reasoning or delta.tool_calls):
            self.first_token_s = passed_s
        if self._thought_s is None and (delta.text or delta.tool_calls):
            self._thought_s = passed_s - (self.first_token_s or 0.0)
        self.outcome = delta.finish_reason or ""

    def status(self) -> str:
        """One line: model, tokens, pace, time to the first token, outcome."""
        reply = self.reply
        parts = [reply.model or self._named]
        if reply.usage:
            parts.append(f"{reply.usage.completion_tokens} tokens")
        if (pace := _tokens_per_s(reply)) is not None:
            parts.append(f"{pace:.3g} tokens/s")
        if self.first_token_s is not None:
            parts.append(f"first token after {self.first_token_s:.2f} s")
        parts.append(self.outcome or "answering …")
        return " · ".join(part for part in parts if part)

    def view(self, *, is_brief: bool = False) -> View:
        """The answer as Markdown and as text, each with its status line.

        A brief one leaves the text out of the Markdown: it is shown elsewhere, as a value.
        """
        reply, status = self.reply, self.status()
        said = fenced(reply.text, self._language) if self._language else closed(reply.text)
        muted = f'<small style="opacity: 0.6">{escape(status)}</small>'
        thinking = "[thinking …]" if reply.reasoning else ""
        text = _paragraphs(thinking, reply.text)
        return View(
            markdown=_paragraphs(self._thoughts(reply), "" if is_brief else said, muted),
            text=_paragraphs(text, f"[{status}]") if self.outcome else text,
            metadata={"jupyter_llm": self.facts()},
        )

    def facts(self) -> dict[str, Any]:
        """What a program that reads the notebook later may want to know."""
        reply = self.reply
        return {
            "model": reply.model or self._named,
            "finish_reason": self.outcome or None,
            "usage": asdict(reply.usage) if reply.usage else None,
            "timings": asdict(reply.timings) if reply.timings else None,
            "time_to_first_token_s": self.first_token_s,
        }

    def _thoughts(self, reply: Reply) -> str:
        """The reasoning, folded away as soon as the answer begins."""
        if not reply.reasoning:
            return ""
        if self._thought_s is None and not self.outcome:
            summary, is_open = "Thinking …", " open"
        else:
            took = "" if self._thought_s is None else f" for {self._thought_s:.1f} s"
            summary, is_open = f"Thought{took}", ""
        head = f"<details{is_open}><summary>{summary}</summary>"
        return f"{head}\n\n{fenced(reply.reasoning, 'text')}\n\n</details>"


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


def _tokens_per_s(reply: Reply) -> float | None:
    """The pace after the first token, by the server's clock."""
    if not reply.usage or not reply.timings or reply.timings.decode_s <= 0:
        return None
    num_timed = reply.usage.completion_tokens - 1
    return num_timed / reply.timings.decode_s if num_timed > 0 else None


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
