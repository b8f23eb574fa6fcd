"""Splits an answer into text, reasoning and tool calls while it comes."""

from __future__ import annotations

from collections.abc import Callable

from jupyter_llm.chat.declared import Declared
from jupyter_llm.chat.formats.base import Format
from jupyter_llm.chat.reader import Reader, Steps
from jupyter_llm.chat.reasoning import Opening, Reasoning
from jupyter_llm.chat.sink import Delta, Sink, new_call_id


class AnswerParser:
    """One answer; the deltas do not depend on how its text was cut, but for where they are cut.

    What cannot be parsed is text.
    """

    def __init__(
        self,
        form: Format,
        *,
        tools: Declared,
        reasoning: Reasoning | None = None,
        opening: Opening = Opening.CLOSED,
        make_id: Callable[[], str] = new_call_id,
    ) -> None:
        self._reader = Reader()
        self._sink = Sink(make_id)
        self._steps = self._parse(form, tools, reasoning, opening)
        self._is_done = False
        self._go_on()

    @property
    def is_reasoning(self) -> bool:
        """Whether what comes next is reasoning."""
        return self._sink.is_reasoning

    @property
    def num_calls(self) -> int:
        """Calls that have begun."""
        return self._sink.num_calls

    @property
    def num_calls_closed(self) -> int:
        """Calls that are complete."""
        return self._sink.num_calls_closed

    def feed(self, text: str) -> Delta | None:
        """Add text; returns what has become certain by it, if anything has."""
        self._reader.add(text)
        self._go_on()
        return self._sink.take()

    def finish(self) -> Delta | None:
        """Say that no more comes; returns what was waiting for more."""
        self._reader.is_complete = True
        self._go_on()
        self._sink.text(self._reader.rest())
        self._sink.flush()
        return self._sink.take()

    def _parse(
        self, form: Format, tools: Declared, reasoning: Reasoning | None, opening: Opening
    ) -> Steps[None]:
        if reasoning is not None and opening is not Opening.CLOSED:
            yield from reasoning.parse(self._reader, self._sink, opening)
        yield from form.parse(self._reader, self._sink, tools)

    def _go_on(self) -> None:
        if not self._is_done:
            try:
                next(self._steps)
            except StopIteration:
                self._is_done = True
