"""Kimi K2: `<|tool_call_begin|>functions.NAME:0<|tool_call_argument_begin|>{…}<|tool_call_end|>`.

https://github.com/MoonshotAI/Kimi-K2/blob/main/docs/tool_call_guidance.md
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from jupyter_llm.chat.declared import Declared
from jupyter_llm.chat.lark import Lark
from jupyter_llm.chat.reader import Reader, Steps
from jupyter_llm.chat.sink import Sink

from .section import SectionFormat, json_arguments

_BEGIN_ALL, _END_ALL = "<|tool_calls_section_begin|>", "<|tool_calls_section_end|>"
_BEGIN, _END = "<|tool_call_begin|>", "<|tool_call_end|>"
_ARGUMENTS = "<|tool_call_argument_begin|>"


class Kimi(SectionFormat):
    """A section of calls; the model numbers them, and wants its own ids back."""

    name = "kimi-k2"
    signs = (_BEGIN_ALL,)
    openers = (_BEGIN_ALL, _BEGIN)
    closer = _END_ALL
    markers: ClassVar[tuple[str, ...]] = (_BEGIN_ALL, _BEGIN, _ARGUMENTS, _END, _END_ALL)

    def call(self, reader: Reader, sink: Sink) -> Steps[bool]:
        """A call by its id."""
        parts: list[str] = []
        if (yield from reader.until((_ARGUMENTS, "\n", "{"), parts.append)) != _ARGUMENTS:
            return False
        call_id = "".join(parts).strip()
        name = call_id.removeprefix("functions.").rpartition(":")[0] or call_id
        if not (yield from json_arguments(reader, sink, name, call_id)):
            return False
        yield from reader.skip(_END)
        return True

    def grammar(
        self, opener: str, tools: Declared, names: Sequence[str], lark: Lark, *, many: bool
    ) -> str:
        """A section of one call or more."""
        calls = [
            f"{lark.text(f'functions.{name}:')} /[0-9]{{1,3}}/ {lark.marker(_ARGUMENTS)} "
            f"{lark.json(tools.schema(name))}"
            for name in names
        ]
        call = lark.rule(f"{lark.marker(_BEGIN)} ({' | '.join(calls)}) {lark.marker(_END)}")
        section = f"{call}+" if many else call
        return f"{opener} {section} {lark.marker(_END_ALL)}"
