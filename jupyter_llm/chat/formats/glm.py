"""GLM 4.5 to 4.7: `<tool_call>NAME<arg_key>key</arg_key><arg_value>value</arg_value></tool_call>`.

From the chat templates at https://huggingface.co/zai-org
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


class Glm(BlockFormat):
    """Each argument as a pair of tags; strings as they are, anything else as JSON."""

    name = "glm"
    signs = ("<tool_call>", "<arg_key>")
    openers = ("<tool_call>",)
    markers: ClassVar[tuple[str, ...]] = (
        *("<tool_call>", "</tool_call>", "<arg_key>", "</arg_key>"),
        *("<arg_value>", "</arg_value>"),
    )

    def block(self, opener: str, reader: Reader, sink: Sink, tools: Declared) -> Steps[bool]:
        """A name and pairs."""
        del opener
        parts: list[str] = []
        ends = ("<arg_key>", "</tool_call>", "{")
        marker = yield from reader.until(ends, parts.append)
        name = "".join(parts).strip()
        if marker in ("", "{") or not name or any(space in name for space in "\n <"):
            return False
        writer = ArgumentWriter(sink, tools, name)
        while marker == "<arg_key>":
            key: list[str] = []
            yield from reader.until(("</arg_key>",), key.append)
            yield from reader.skip_space()
            if (yield from reader.skip("<arg_value>")):
                yield from writer.argument("".join(key), reader, ("</arg_value>",))
            yield from reader.skip_space()
            marker = yield from reader.skip_any(("<arg_key>", "</tool_call>"))
        writer.end(is_whole=bool(marker) or not reader.is_complete)
        return True

    def grammar(
        self, opener: str, tools: Declared, names: Sequence[str], lark: Lark, *, many: bool
    ) -> str:
        """The arguments in the order of the schema, the optional ones left out or not."""
        functions = " | ".join(_function(tools, name, lark) for name in names)
        body = lark.rule(f"({functions}) {lark.marker('</tool_call>')}")
        more = f" ({lark.text(chr(10))} {lark.marker('<tool_call>')} {body})*" if many else ""
        return f"{opener} {body}{more}"


def _function(tools: Declared, name: str, lark: Lark) -> str:
    line = lark.text("\n")
    parts = [f"{lark.text(name)} {line}"]
    for key, is_required in lark.parameters(tools, name):
        head = f"{lark.markers('<arg_key>', key, '</arg_key>')} {line} {lark.marker('<arg_value>')}"
        value = f"{lark.tagged_value(tools, name, key, '</arg_value>')} {line}"
        parts.append(f"({head} {value})" + ("" if is_required else "?"))
    return " ".join(parts)
