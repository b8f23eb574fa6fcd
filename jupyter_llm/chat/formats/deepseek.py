"""DeepSeek V3, R1 and V3.1: `<｜tool▁call▁begin｜>NAME<｜tool▁sep｜>{…}<｜tool▁call▁end｜>`.

From the chat templates at https://huggingface.co/deepseek-ai; V3 and R1 write the word `function`
in the place of the name, the name behind the separator and the arguments into a fence.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from jupyter_llm.chat.declared import Declared
from jupyter_llm.chat.lark import Lark
from jupyter_llm.chat.reader import Reader, Steps
from jupyter_llm.chat.sink import Sink

from .section import SectionFormat, json_arguments

_BEGIN_ALL, _END_ALL = "<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>"
_BEGIN, _SEPARATOR, _END = "<｜tool▁call▁begin｜>", "<｜tool▁sep｜>", "<｜tool▁call▁end｜>"
_FENCE = "```json\n"


class DeepSeekV31(SectionFormat):
    """Bare names and arguments."""

    name = "deepseek-v3.1"
    signs: ClassVar[Sequence[str]] = (_BEGIN_ALL, _SEPARATOR)
    openers = (_BEGIN_ALL, _BEGIN)
    closer = _END_ALL
    markers: ClassVar[tuple[str, ...]] = (_BEGIN_ALL, _BEGIN, _SEPARATOR, _END, _END_ALL)

    def call(self, reader: Reader, sink: Sink) -> Steps[bool]:
        """A call of either form."""
        parts: list[str] = []
        if not (yield from reader.until((_SEPARATOR, "{", "\n"), parts.append)):
            return False
        name = "".join(parts).strip()
        if name == "function":
            parts.clear()
            if (yield from reader.until(("\n", "{"), parts.append)) != "\n":
                return False
            name = "".join(parts).strip()
            yield from reader.skip(_FENCE)
        if not (yield from json_arguments(reader, sink, name)):
            return False
        yield from reader.skip("```")
        yield from reader.skip_space()
        yield from reader.skip(_END)
        return True

    def grammar(
        self, opener: str, tools: Declared, names: Sequence[str], lark: Lark, *, many: bool
    ) -> str:
        """A section of one call or more."""
        calls = [
            f"{lark.text(name)} {lark.marker(_SEPARATOR)} {lark.json(tools.schema(name))}"
            for name in names
        ]
        return _section(opener, lark, " | ".join(calls), "", many=many)


class DeepSeekV3(DeepSeekV31):
    """Names behind the word `function`, arguments in a fence."""

    name = "deepseek-v3"
    signs = (_BEGIN_ALL, _SEPARATOR, "```json")

    def grammar(
        self, opener: str, tools: Declared, names: Sequence[str], lark: Lark, *, many: bool
    ) -> str:
        """A section of one call or more."""
        calls = [
            f"{lark.text('function')} {lark.marker(_SEPARATOR)} "
            f"{lark.text(f'{name}{chr(10)}{_FENCE}')} {lark.json(tools.schema(name))} "
            f"{lark.text(chr(10) + '```')}"
            for name in names
        ]
        return _section(opener, lark, " | ".join(calls), "\n", many=many)


def _section(opener: str, lark: Lark, calls: str, between: str, *, many: bool) -> str:
    call = lark.rule(f"{lark.marker(_BEGIN)} ({calls}) {lark.marker(_END)}")
    space = f"{lark.text(between)} " if between else ""
    more = f" ({space}{call})*" if many else ""
    return f"{opener} {call}{more} {lark.marker(_END_ALL)}"
