"""Mistral: `[TOOL_CALLS][{"name": …, "arguments": {…}}]`, later `[TOOL_CALLS]NAME[ARGS]{…}`.

https://github.com/mistralai/mistral-common, tokenizers v3 to v13
"""

from __future__ import annotations

import secrets
import string
from collections.abc import Sequence
from functools import partial
from typing import ClassVar

from jupyter_llm.chat.declared import Declared
from jupyter_llm.chat.lark import Lark
from jupyter_llm.chat.reader import Reader, Steps
from jupyter_llm.chat.sink import Sink

from .base import BlockFormat, series
from .json_call import read_call

ID_LENGTH = 9
_LETTERS = string.ascii_letters + string.digits


def short_call_id() -> str:
    """Nine letters and digits: these templates take no other ids back."""
    return "".join(secrets.choice(_LETTERS) for _ in range(ID_LENGTH))


class _Mistral(BlockFormat):
    openers = ("[TOOL_CALLS]",)
    markers: ClassVar[tuple[str, ...]] = ("[TOOL_CALLS]", "[ARGS]", "[CALL_ID]", "[TOOL_CONTENT]")

    def new_id(self) -> str:
        """Nine letters and digits."""
        return short_call_id()

    def block(self, opener: str, reader: Reader, sink: Sink, tools: Declared) -> Steps[bool]:
        """Either form, whichever comes: templates of one lag behind models of the other."""
        del opener, tools
        yield from reader.skip_space()
        if (yield from reader.peek()) in ("[", "{"):
            return (yield from _array(reader, sink))
        return (yield from _named(reader, sink))


class MistralArray(_Mistral):
    """One array of all calls."""

    name = "mistral"
    signs = ("[TOOL_CALLS]",)

    def grammar(
        self, opener: str, tools: Declared, names: Sequence[str], lark: Lark, *, many: bool
    ) -> str:
        """The array of one call or more."""
        call = lark.calls(tools, names)
        more = f" ({lark.text(', ')} {call})*" if many else ""
        return f"{opener} {lark.text('[')} {call}{more} {lark.text(']')}"


class MistralNamed(_Mistral):
    """A marker, a name and an object for each call."""

    name = "mistral-named"
    signs = ("[TOOL_CALLS]", "[ARGS]")

    def grammar(
        self, opener: str, tools: Declared, names: Sequence[str], lark: Lark, *, many: bool
    ) -> str:
        """Each call with its own marker."""
        calls = [
            f"{lark.text(name)} {lark.marker('[ARGS]')} {lark.json(tools.schema(name))}"
            for name in names
        ]
        call = lark.rule(" | ".join(calls))
        more = f" ({lark.marker('[TOOL_CALLS]')} {call})*" if many else ""
        return f"{opener} {call}{more}"


def _array(reader: Reader, sink: Sink) -> Steps[bool]:
    is_array = yield from reader.skip("[")
    one = partial(read_call, reader, sink)
    return (yield from series(reader, one, opener=",", closer="]" if is_array else ""))


def _named(reader: Reader, sink: Sink) -> Steps[bool]:
    name, call_id, marker = "", "", ""
    while marker != "[ARGS]":
        parts: list[str] = []
        marker = yield from reader.until(("[ARGS]", "[CALL_ID]", "{", "\n"), parts.append)
        word = "".join(parts).strip()
        name, call_id = (name, word) if name else (word, call_id)
        if marker in ("", "\n") or not name:
            return False
        if marker == "{":
            break
    return (yield from _arguments(reader, sink, name, call_id, first="{" if marker == "{" else ""))


def _arguments(reader: Reader, sink: Sink, name: str, call_id: str, *, first: str) -> Steps[bool]:
    if not first:
        yield from reader.skip_space()
        if not (yield from reader.skip("{")):
            return False
    sink.begin_call(name, call_id)
    sink.arguments("{")
    yield from reader.json_value(sink.arguments, depth=1)
    sink.end_call()
    return True
