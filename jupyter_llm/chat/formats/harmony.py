"""gpt-oss: messages in channels, `<|channel|>commentary to=functions.NAME<|message|>{…}<|call|>`.

https://github.com/openai/harmony/blob/main/docs/format.md
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import ClassVar

from jupyter_llm.chat.declared import Declared
from jupyter_llm.chat.lark import Lark
from jupyter_llm.chat.reader import Reader, Steps
from jupyter_llm.chat.sink import Sink

from .base import Format

_HEADER_STARTS = ("<|channel|>", "<|start|>", " to=")
_ENDS = ("<|end|>", "<|return|>", "<|call|>")
_CHANNEL = re.compile(r"<\|channel\|>\s*(\w+)")
_RECIPIENT = re.compile(r"\bto=(?:functions\.)?([^\s<]+)")


class Harmony(Format):
    """Reasoning in the channel `analysis`, calls in `commentary`, the answer in `final`."""

    name = "harmony"
    signs = ("<|channel|>", "<|message|>")
    markers: ClassVar[tuple[str, ...]] = (
        *("<|start|>", "<|channel|>", "<|constrain|>"),
        *("<|message|>", "<|end|>", "<|return|>", "<|call|>"),
    )

    def parse(self, reader: Reader, sink: Sink, tools: Declared) -> Steps[None]:
        """Channels are there without tools, too."""
        yield from self.calls(reader, sink, tools)

    def calls(self, reader: Reader, sink: Sink, tools: Declared) -> Steps[None]:
        """One message after another; what has no header is text."""
        while (yield from reader.peek()):
            begun = yield from reader.skip_any(_HEADER_STARTS)
            if not begun:
                begun = yield from reader.until(_HEADER_STARTS[:2], sink.text)
            if begun:
                yield from _message(reader, sink, tools, begun)

    def forced(self, tools: Declared, names: Sequence[str], lark: Lark, *, many: bool) -> str:
        """One call: the model ends its turn with each."""
        del many
        return f"{lark.marker('<|channel|>')} {_calls(tools, names, lark)}"

    def free(self, tools: Declared, names: Sequence[str], lark: Lark, *, many: bool) -> str:
        """An answer in `final`, or a call, both with or without words before them."""
        del many
        text = lark.rule("/(?s:.*)/")
        say = f"{lark.text('commentary')} {lark.marker('<|message|>')} {text}"
        on = lark.markers("<|end|>", "<|start|>", "assistant", "<|channel|>")
        answer = f"{lark.text('final')} {lark.marker('<|message|>')} {text}"
        end = f"({answer} | {_calls(tools, names, lark)})"
        return f"{lark.marker('<|channel|>')} ({say} {on})? {end}"


def _calls(tools: Declared, names: Sequence[str], lark: Lark) -> str:
    calls = [
        f"{lark.text(f'commentary to=functions.{name} ')} {lark.marker('<|constrain|>')} "
        f"{lark.text('json')} {lark.marker('<|message|>')} {lark.json(tools.schema(name))}"
        for name in names
    ]
    return lark.rule(" | ".join(calls))


def _message(reader: Reader, sink: Sink, tools: Declared, begun: str) -> Steps[None]:
    parts = [begun]
    if not (yield from reader.until(("<|message|>",), parts.append)):
        sink.text("".join(parts))
        return
    header = "".join(parts)
    channel, recipient = _CHANNEL.search(header), _RECIPIENT.search(header)
    if recipient and tools.tools:
        yield from _call(reader, sink, recipient[1])
    elif channel and channel[1] == "analysis":
        sink.begin_reasoning()
        yield from reader.until(_ENDS, sink.reasoning)
        sink.end_reasoning()
    else:
        yield from reader.until(_ENDS, sink.text)


def _call(reader: Reader, sink: Sink, name: str) -> Steps[None]:
    sink.begin_call(name)
    yield from reader.skip_space()
    if (yield from reader.peek()) == "{":
        yield from reader.json_value(sink.arguments)
        yield from reader.until(_ENDS, sink.text)
    else:
        parts: list[str] = []
        yield from reader.until(_ENDS, parts.append)
        sink.arguments("".join(parts).strip() or "{}")
    sink.end_call()
