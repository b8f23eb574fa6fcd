"""What all formats of tool calls have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import ClassVar

from jupyter_llm.chat.declared import Declared
from jupyter_llm.chat.lark import Lark
from jupyter_llm.chat.reader import Reader, Steps
from jupyter_llm.chat.sink import Sink, new_call_id


class Format(ABC):
    """How a family of models writes its answers.

    `signs` are texts, all of which the chat template of such a model contains; `markers` the
    tokens that steer a parser and have to reach it, also where a tokenizer takes them for
    control tokens. With one of `stops` the model goes on to what is not its to say.
    """

    name: ClassVar[str]
    signs: ClassVar[Sequence[str]]
    markers: ClassVar[tuple[str, ...]] = ()
    stops: ClassVar[tuple[str, ...]] = ()

    def parse(self, reader: Reader, sink: Sink, tools: Declared) -> Steps[None]:
        """Split an answer, from behind its reasoning on. Without tools all of it is text."""
        if not tools.tools:
            yield from reader.until(("\0",), sink.text)
            return
        yield from self.calls(reader, sink, tools)

    @abstractmethod
    def calls(self, reader: Reader, sink: Sink, tools: Declared) -> Steps[None]:
        """Split an answer that may call tools."""

    @abstractmethod
    def forced(self, tools: Declared, names: Sequence[str], lark: Lark, *, many: bool) -> str:
        """The Lark expression for a call of one of `names`, or for `many` of them in a row."""

    @abstractmethod
    def free(self, tools: Declared, names: Sequence[str], lark: Lark, *, many: bool) -> str:
        """The Lark expression for text, or for calls of `names` with text before them."""

    def new_id(self) -> str:
        """An id for a call that the model has given none."""
        return new_call_id()


class BlockFormat(Format):
    """A format whose calls stand in blocks, each behind one of `openers`."""

    openers: ClassVar[tuple[str, ...]]

    def calls(self, reader: Reader, sink: Sink, tools: Declared) -> Steps[None]:
        """Text, blocks and text; what is no block in spite of its opener is text."""
        while opener := (yield from reader.until(self.openers, sink.text)):
            reader.mark()
            if (yield from self.block(opener, reader, sink, tools)):
                reader.release()
            else:
                reader.rewind()
                sink.text(opener)

    def forced(self, tools: Declared, names: Sequence[str], lark: Lark, *, many: bool) -> str:
        """Calls from the first character on."""
        opener = lark.marker(self.openers[0])
        return self.grammar(opener, tools, names, lark, many=many)

    def free(self, tools: Declared, names: Sequence[str], lark: Lark, *, many: bool) -> str:
        """Text without the marker; or text, the marker and calls."""
        opener = lark.anything_until(self.openers[0])
        calls = self.grammar(opener, tools, names, lark, many=many)
        return f"{lark.anything_without(self.openers[0])} | {calls}"

    @abstractmethod
    def grammar(
        self, opener: str, tools: Declared, names: Sequence[str], lark: Lark, *, many: bool
    ) -> str:
        """Calls; `opener` is the expression for the first of `openers` before the first call."""

    @abstractmethod
    def block(self, opener: str, reader: Reader, sink: Sink, tools: Declared) -> Steps[bool]:
        """Read what stands behind `opener`; False, and nothing told, where it is no call."""


def series(
    reader: Reader, one: Callable[[], Steps[bool]], *, opener: str, closer: str
) -> Steps[bool]:
    """Read calls behind one another; False where there is not even one.

    `one` reads a call, whose `opener` is behind it. One that is broken is left where it begins.
    """
    if not (yield from one()):
        return False
    while True:
        reader.mark()
        yield from reader.skip_space()
        if not (yield from reader.skip(opener)):
            break
        if not (yield from one()):
            reader.rewind()
            return True
    yield from reader.skip(closer)
    return True
