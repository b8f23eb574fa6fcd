"""An answer on its way out: its text is split, its reasoning counted and bounded."""

from __future__ import annotations

from jupyter_llm.types import FinishReason

from .dialogue import Turn
from .sink import Delta


class Split:
    """One answer to a turn; without one, as for a plain prompt, all of it is text."""

    def __init__(self, turn: Turn | None = None) -> None:
        self.num_reasoning = 0
        self._turn = turn
        self._parser = turn.make_parser() if turn and turn.make_parser else None
        self._num_closings = 0

    def is_marker(self, name: bytes) -> bool:
        """Whether a control token of this name is to be spelled out."""
        return (
            self._parser is not None
            and self._turn is not None
            and name.decode("utf-8", "replace") in self._turn.markers
        )

    def feed(self, text: str) -> Delta | None:
        """Take the text of one more token, which may be none yet."""
        if self._parser is None:
            return Delta(text=text) if text else None
        was_reasoning = self._parser.is_reasoning
        delta = self._parser.feed(text) if text else None
        self.num_reasoning += was_reasoning or self._parser.is_reasoning
        return delta

    def finish(self) -> Delta | None:
        """Say that no more comes."""
        return self._parser.finish() if self._parser else None

    @property
    def has_its_call(self) -> bool:
        """Whether the one call that was asked for is complete."""
        is_one = self._turn is not None and self._turn.is_one_call
        return is_one and self._parser is not None and self._parser.num_calls_closed > 0

    def is_to_close(self) -> bool:
        """Whether the reasoning has used up its budget; true once for each time that it has."""
        if self._turn is None or self._parser is None or not self._turn.closing:
            return False
        budget = self._turn.reasoning_budget
        if budget is None or not self._parser.is_reasoning or self.num_reasoning < budget:
            return False
        self._num_closings += 1
        return self._num_closings == 1

    def reason(self, reason: FinishReason) -> FinishReason:
        """Why the answer ended, given why the model stopped."""
        has_called = self._parser is not None and self._parser.num_calls > 0
        if reason is FinishReason.STOP and has_called:
            return FinishReason.TOOL_CALLS
        return reason


def joined(deltas: list[Delta]) -> Delta:
    """Several deltas as one."""
    if len(deltas) == 1:
        return deltas[0]
    return Delta(
        text="".join(delta.text for delta in deltas),
        reasoning="".join(delta.reasoning for delta in deltas),
        tool_calls=tuple(call for delta in deltas for call in delta.tool_calls),
    )
