"""Qwen3-Coder: `<tool_call><function=NAME><parameter=KEY>value</parameter></function></tool_call>`.

From the chat template of Qwen3-Coder, which Qwen3.5 and Nemotron 3 share.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from jupyter_llm.chat.declared import Declared
from jupyter_llm.chat.lark import Lark
from jupyter_llm.chat.reader import Reader, Steps
from jupyter_llm.chat.sink import Sink

from .base import BlockFormat
from .tagged import ArgumentWriter


class QwenCoder(BlockFormat):
    """Each argument in tags; strings as they are, anything else as JSON."""

    name = "qwen3-coder"
    signs = ("<function=", "<parameter=")
    openers = ("<tool_call>", "<function=")
    markers: ClassVar[tuple[str, ...]] = ("<tool_call>", "</tool_call>")

    def block(self, opener: str, reader: Reader, sink: Sink, tools: Declared) -> Steps[bool]:
        """A function and its parameters; the model may forget the outer tags."""
        if opener == "<tool_call>":
            yield from reader.skip_space()
            if not (yield from reader.skip("<function=")):
                return False
        name = yield from _word(reader)
        if not name:
            return False
        writer = ArgumentWriter(sink, tools, name)
        yield from reader.skip_space()
        while (yield from reader.skip("<parameter=")):
            if not (key := (yield from _word(reader))):
                break
            yield from reader.skip("\n")
            yield from writer.argument(key, reader, ("\n</parameter>", "</parameter>"))
            yield from reader.skip_space()
        writer.end(is_whole=(yield from _close(reader)) or not reader.is_complete)
        return True

    def grammar(
        self, opener: str, tools: Declared, names: Sequence[str], lark: Lark, *, many: bool
    ) -> str:
        """The parameters in the order of the schema, the optional ones left out or not."""
        line = lark.text("\n")
        functions = " | ".join(_function(tools, name, lark) for name in names)
        body = lark.rule(f"{line} ({functions}) {line} {lark.marker('</tool_call>')}")
        more = f" ({line} {lark.marker('<tool_call>')} {body})*" if many else ""
        return f"{opener} {body}{more}"


def _function(tools: Declared, name: str, lark: Lark) -> str:
    parts = [lark.text(f"<function={name}>\n")]
    for key, is_required in lark.parameters(tools, name):
        value = lark.tagged_value(tools, name, key, "\n</parameter>\n")
        parameter = f"({lark.text(f'<parameter={key}>' + chr(10))} {value})"
        parts.append(parameter if is_required else f"{parameter}?")
    return " ".join([*parts, lark.text("</function>")])


def _word(reader: Reader) -> Steps[str]:
    """A name up to the `>` that ends its tag; empty where it is none."""
    parts: list[str] = []
    if not (yield from reader.until((">",), parts.append)):
        return ""
    name = "".join(parts).strip().strip("\"'")
    return "" if not name or "\n" in name or "<" in name else name


def _close(reader: Reader) -> Steps[bool]:
    """Read the closing tags; returns whether there was one."""
    has_closed = False
    for tag in ("</function>", "</tool_call>"):
        yield from reader.skip_space()
        has_closed = (yield from reader.skip(tag)) or has_closed
    return has_closed
