"""Hermes and Qwen: `<tool_call>{"name": …, "arguments": {…}}</tool_call>`.

https://github.com/NousResearch/Hermes-Function-Calling, and the templates of Qwen 2.5 and 3
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from jupyter_llm.chat.declared import Declared
from jupyter_llm.chat.lark import Lark
from jupyter_llm.chat.reader import Reader, Steps
from jupyter_llm.chat.sink import Sink

from .base import BlockFormat
from .json_call import read_call


class Hermes(BlockFormat):
    """A block for each call; also what a model without a format of its own is asked to write."""

    name = "hermes"
    signs: ClassVar[Sequence[str]] = ("<tool_call>",)
    openers: ClassVar[tuple[str, ...]] = ("<tool_call>",)
    markers: ClassVar[tuple[str, ...]] = ("<tool_call>", "</tool_call>")

    def block(self, opener: str, reader: Reader, sink: Sink, tools: Declared) -> Steps[bool]:
        """The object, and the tag that closes it, if it does."""
        del opener, tools
        if not (yield from read_call(reader, sink)):
            return False
        yield from reader.skip_space()
        yield from reader.skip("</tool_call>")
        return True

    def grammar(
        self, opener: str, tools: Declared, names: Sequence[str], lark: Lark, *, many: bool
    ) -> str:
        """The object between the tags, a line for each."""
        line = lark.text("\n")
        close_tag = lark.marker("</tool_call>")
        body = lark.rule(f"{line} {lark.calls(tools, names)} {line} {close_tag}")
        more = f" ({line} {lark.marker('<tool_call>')} {body})*" if many else ""
        return f"{opener} {body}{more}"
