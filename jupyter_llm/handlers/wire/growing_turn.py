"""One turn of a conversation while a request is read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import accumulate

from jupyter_llm.types import Image, Message, ToolCall


@dataclass(kw_only=True, slots=True)
class GrowingTurn:
    """The parts of a turn, joined once and at its end: there may be thousands of them.

    `between` stands between texts that are not empty.
    """

    role: str
    between: str = "\n"
    texts: list[str] = field(default_factory=list)
    thoughts: list[str] = field(default_factory=list)
    calls: list[ToolCall] = field(default_factory=list)
    name: str | None = None
    call_id: str = ""
    _images: list[tuple[int, Image]] = field(default_factory=list)

    def show(self, image: Image) -> None:
        """Add an image behind what has been said so far."""
        self._images.append((len(self.texts), image))

    def message(self) -> Message:
        """The whole turn."""
        return Message(
            role=self.role,
            content=self.between.join(filter(None, self.texts)),
            reasoning="\n".join(filter(None, self.thoughts)),
            tool_calls=tuple(self.calls),
            name=self.name,
            tool_call_id=self.call_id,
            images=tuple(self._placed()),
        )

    def _placed(self) -> Iterator[Image]:
        """The images, each with its place in the content."""
        ends = list(accumulate(self.texts, self._end, initial=0)) if self._images else []
        for number, image in self._images:
            yield replace(image, offset=ends[number])

    def _end(self, before: int, text: str) -> int:
        """Where a text ends in the content, behind others that end at `before`."""
        return before + len(text) + (len(self.between) if before and text else 0)
