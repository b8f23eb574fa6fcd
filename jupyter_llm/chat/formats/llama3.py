"""Llama 3.1 to 3.3: the whole answer is `{"name": …, "parameters": {…}}`.

https://www.llama.com/docs/model-cards-and-prompt-formats/llama3_1/
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from jupyter_llm.chat.declared import Declared
from jupyter_llm.chat.lark import Lark
from jupyter_llm.chat.reader import Reader, Steps
from jupyter_llm.chat.sink import Sink

from .base import Format
from .json_call import read_call

_TAG = "<|python_tag|>"


class Llama3(Format):
    """Bare JSON, or JSON behind a tag; several calls have a semicolon between them.

    Bare JSON may as well be an answer, so it is a call only of a tool that was offered.
    """

    name = "llama3"
    signs = ("<|start_header_id|>", '"parameters"')
    markers: ClassVar[tuple[str, ...]] = (_TAG,)

    def calls(self, reader: Reader, sink: Sink, tools: Declared) -> Steps[None]:
        """Calls from the start of the answer, or of a line behind a tag; then text."""
        yield from _calls(reader, sink, tools)
        while tag := (yield from reader.until((_TAG,), sink.text)):
            before = sink.num_calls
            yield from _calls(reader, sink, tools)
            if sink.num_calls == before:
                sink.text(tag)

    def forced(self, tools: Declared, names: Sequence[str], lark: Lark, *, many: bool) -> str:
        """Without the tag, which is for code."""
        call = lark.calls(tools, names, key="parameters")
        return f"{call} ({lark.text('; ')} {call})*" if many else call

    def free(self, tools: Declared, names: Sequence[str], lark: Lark, *, many: bool) -> str:
        """Text that does not begin like an object, or calls."""
        text = lark.terminal("/(?s:([^{ \\n].*)?)/")
        return f"{text} | {self.forced(tools, names, lark, many=many)}"


def _calls(reader: Reader, sink: Sink, tools: Declared) -> Steps[None]:
    reader.mark()
    yield from reader.skip_any((_TAG,))
    while (yield from read_call(reader, sink, known=tools)):
        reader.mark()
        yield from reader.skip_space()
        if not (yield from reader.skip(";")):
            break
    reader.rewind()
