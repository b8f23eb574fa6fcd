"""An answer on its way out: its text is split, its reasoning counted and bounded."""

from __future__ import annotations

from collections.abc import Callable

from jupyter_llm.types import FinishReason

from .dialogue import Turn
from .sink import Delta


class Split:
    """One answer to a turn; without a parser, as for a plain prompt, all of it is text.

    `tokenize` gives the tokens of the text that is to end a reasoning.
    """

    def __init__(self, turn: Turn, tokenize: Callable[[str], list[int]]) -> None:
        self.num_reasoning = 0
        self._turn = turn
        self._tokenize = tokenize
        self._parser = turn.make_parser() if turn.make_parser else None
        self._is_token_new = False

    @property
    def stops(self) -> tuple[str, ...]:
        """Texts that end the answer, beside those that the request has."""
        return self._turn.stops

    def is_marker(self, name: bytes) -> bool:
        """Whether a control token of this name is to be spelled out."""
        return self._parser is not None and name.decode("utf-8", "replace") in self._turn.markers

    def note_token(self) -> None:
        """Say that the next text comes from one more token."""
        self._is_token_new = True

    def feed(self, text: str) -> Delta:
        """Take text; nothing may have become certain by it."""
        if self._parser is None:
            return Delta(text=text)
        was_reasoning = self._parser.is_reasoning
        delta = self._parser.feed(text) if text else None
        if self._is_token_new and (was_reasoning or self._parser.is_reasoning):
            self.num_reasoning += 1
        self._is_token_new = False
        return delta or Delta()

    def finish(self, text: str) -> Delta:
        """Take the last text."""
        delta = self.feed(text)
        rest = self._parser.finish() if self._parser else None
        return _joined(delta, rest) if rest else delta

    @property
    def has_its_call(self) -> bool:
        """Whether the one call that was asked for is complete."""
        parser = self._parser
        return self._turn.is_one_call and parser is not None and parser.num_calls_closed > 0

    def closing_tokens(self) -> list[int]:
        """The tokens that are to follow; those that end the reasoning when its budget is spent."""
        budget = self._turn.reasoning_budget
        if budget is None or self._parser is None or not self._parser.is_reasoning:
            return []
        return self._tokenize(self._turn.closing) if self.num_reasoning >= budget else []

    def reason(self, reason: FinishReason) -> FinishReason:
        """Why the answer ended, given why the model stopped."""
        has_called = self._parser is not None and self._parser.num_calls > 0
        if reason is FinishReason.STOP and has_called:
            return FinishReason.TOOL_CALLS
        return reason


def _joined(first: Delta, second: Delta) -> Delta:
    return Delta(
        text=first.text + second.text,
        reasoning=first.reasoning + second.reasoning,
        tool_calls=first.tool_calls + second.tool_calls,
    )
