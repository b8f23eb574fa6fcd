"""Formats whose calls stand in a section, each between markers, with JSON for arguments."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

from jupyter_llm.chat.declared import Declared
from jupyter_llm.chat.reader import Reader, Steps
from jupyter_llm.chat.sink import Sink

from .base import BlockFormat, series


class SectionFormat(BlockFormat):
    """`openers` are those of the section and of a call, `closer` ends the section.

    Some models leave out the section and write its calls alone.
    """

    closer: ClassVar[str]

    def block(self, opener: str, reader: Reader, sink: Sink, tools: Declared) -> Steps[bool]:
        """Calls, one behind the other."""
        del tools
        of_section, of_call = self.openers
        if opener == of_section:
            yield from reader.skip_space()
            if not (yield from reader.skip(of_call)):
                return False
        return (
            yield from series(
                reader, lambda: self.call(reader, sink), opener=of_call, closer=self.closer
            )
        )

    @abstractmethod
    def call(self, reader: Reader, sink: Sink) -> Steps[bool]:
        """Read a call, whose opener is behind it; False, and nothing told, where it is none."""


def json_arguments(reader: Reader, sink: Sink, name: str, call_id: str = "") -> Steps[bool]:
    """Read the object that a tool is called with; False where there is no name or no object."""
    yield from reader.skip_space()
    if not name or (yield from reader.peek()) != "{":
        return False
    sink.begin_call(name, call_id)
    yield from reader.json_value(sink.arguments)
    sink.end_call()
    yield from reader.skip_space()
    return True
