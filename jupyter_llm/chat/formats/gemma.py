"""FunctionGemma and Gemma 4: `call:NAME{key:value}` between tokens, strings in quotes of its own.

https://ai.google.dev/gemma/docs/functiongemma/formatting-and-best-practices and
https://ai.google.dev/gemma/docs/capabilities/text/function-calling-gemma4
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import ClassVar

from jupyter_llm.chat.declared import Declared, Schema
from jupyter_llm.chat.lark import Lark
from jupyter_llm.chat.reader import Reader, Steps
from jupyter_llm.chat.sink import Sink

from .base import BlockFormat
from .tagged import ArgumentWriter


class _Gemma(BlockFormat):
    closer: ClassVar[str]
    quote: ClassVar[str]

    def block(self, opener: str, reader: Reader, sink: Sink, tools: Declared) -> Steps[bool]:
        """A name and pairs of a bare key and a value."""
        del opener
        yield from reader.skip_space()
        if not (yield from reader.skip("call:")):
            return False
        parts: list[str] = []
        marker = yield from reader.until(("{", self.closer, "\n"), parts.append)
        name = "".join(parts).strip()
        if marker != "{" or not name:
            return False
        writer = ArgumentWriter(sink, tools, name)
        is_whole = yield from self._pairs(reader, writer)
        yield from reader.skip_space()
        yield from reader.skip(self.closer)
        writer.end(is_whole=is_whole)
        return True

    def grammar(
        self, opener: str, tools: Declared, names: Sequence[str], lark: Lark, *, many: bool
    ) -> str:
        """The arguments in the order of the schema, its required ones first."""
        calls = " | ".join(
            f"{lark.text(f'call:{name}')} {self._object(tools.schema(name), lark)}"
            for name in names
        )
        body = lark.rule(f"({calls}) {lark.marker(self.closer)}")
        more = f" ({lark.marker(self.openers[0])} {body})*" if many else ""
        return f"{opener} {body}{more}"

    def _pairs(self, reader: Reader, writer: ArgumentWriter) -> Steps[bool]:
        """The members of the arguments; returns whether the brace that ends them has come."""
        while True:
            yield from reader.skip_space()
            if (yield from reader.skip("}")):
                return True
            key = yield from self._key(reader)
            if key is None:
                return False
            yield from reader.skip_space()
            if (yield from reader.skip(self.quote)):
                yield from writer.string(key, reader, self.quote)
            elif (value := (yield from self._value(reader))) is not None:
                writer.value(key, value)
            else:
                return False
            yield from reader.skip_space()
            yield from reader.skip(",")

    def _key(self, reader: Reader) -> Steps[str | None]:
        quote = yield from reader.skip_any((self.quote, '"'))
        parts: list[str] = []
        if not (yield from reader.until((quote or ":",), parts.append)):
            return None
        if quote and not (yield from reader.skip(":")):
            return None
        return "".join(parts).strip()

    def _value(self, reader: Reader) -> Steps[str | None]:
        """One value as JSON text, once it is whole."""
        yield from reader.skip_space()
        if (yield from reader.skip(self.quote)):
            parts: list[str] = []
            end = yield from reader.until((self.quote,), parts.append)
            return json.dumps("".join(parts), ensure_ascii=False) if end else None
        first = yield from reader.peek()
        if first == "[":
            return (yield from self._array(reader))
        if first == "{":
            return (yield from self._inner_object(reader))
        if first == '"':
            text = yield from reader.json_string()
            return None if text is None else json.dumps(text, ensure_ascii=False)
        return (yield from _scalar(reader))

    def _array(self, reader: Reader) -> Steps[str | None]:
        yield from reader.skip("[")
        values: list[str] = []
        while True:
            yield from reader.skip_space()
            if (yield from reader.skip("]")):
                return f"[{', '.join(values)}]"
            value = yield from self._value(reader)
            if value is None:
                return None
            values.append(value)
            yield from reader.skip_space()
            yield from reader.skip(",")

    def _inner_object(self, reader: Reader) -> Steps[str | None]:
        yield from reader.skip("{")
        members: list[str] = []
        while True:
            yield from reader.skip_space()
            if (yield from reader.skip("}")):
                return "{" + ", ".join(members) + "}"
            key = yield from self._key(reader)
            value = None if key is None else (yield from self._value(reader))
            if value is None:
                return None
            members.append(f"{json.dumps(key, ensure_ascii=False)}: {value}")
            yield from reader.skip_space()
            yield from reader.skip(",")

    def _object(self, schema: Schema, lark: Lark) -> str:
        """A grammar of an object: the members it must have, then any of the others."""
        properties = schema.get("properties")
        members = properties if isinstance(properties, dict) else {}
        needed = [key for key in members if key in (schema.get("required") or ())]
        parts: list[str] = []
        for key in needed:
            comma = lark.text(",") + " " if parts else ""
            parts.append(f"{comma}{lark.text(key + ':')} {self._typed(members[key], lark)}")
        for key in [key for key in members if key not in needed] if needed else ():
            pair = f"{lark.text(f',{key}:')} {self._typed(members[key], lark)}"
            parts.append(f"({pair})?")
        if not needed and members:
            pairs = (f"{lark.text(key + ':')} {self._typed(members[key], lark)}" for key in members)
            parts.append(f"({' | '.join(pairs)})?")
        return " ".join([lark.text("{"), *parts, lark.text("}")])

    def _typed(self, schema: object, lark: Lark) -> str:
        if not isinstance(schema, dict):
            schema = {}
        quote = lark.marker(self.quote)
        values = schema.get("enum")
        if isinstance(values, list) and values:
            return "(" + " | ".join(self._constant(value, lark) for value in values) + ")"
        if schema.get("type") == "object":
            return self._object(schema, lark)
        if schema.get("type") == "array":
            item = lark.rule(self._typed(schema.get("items"), lark))
            return f"{lark.text('[')} ({item} ({lark.text(',')} {item})*)? {lark.text(']')}"
        if schema.get("type") in ("number", "integer", "boolean", "null"):
            return lark.json(schema)
        return f"{quote} {lark.anything_until(self.quote)}"

    def _constant(self, value: object, lark: Lark) -> str:
        if isinstance(value, str):
            return lark.markers(self.quote, value, self.quote)
        return lark.text(json.dumps(value))


class FunctionGemma(_Gemma):
    """The small model that only calls functions."""

    name = "functiongemma"
    signs = ("<start_function_call>",)
    openers = ("<start_function_call>",)
    closer = "<end_function_call>"
    quote = "<escape>"
    stops = ("<start_function_response>",)
    markers: ClassVar[tuple[str, ...]] = (*openers, closer, quote)


class Gemma4(_Gemma):
    """The tokens of Gemma 4."""

    name = "gemma4"
    signs = ("<|tool_call>",)
    openers = ("<|tool_call>",)
    closer = "<tool_call|>"
    quote = '<|"|>'
    stops = ("<|tool_response>",)
    markers: ClassVar[tuple[str, ...]] = (*openers, closer, quote)


def _scalar(reader: Reader) -> Steps[str | None]:
    """A number or a word; what is no JSON counts as a string."""
    parts: list[str] = []
    is_whole = yield from reader.json_value(parts.append)
    text = "".join(parts).strip()
    if not is_whole or not text:
        return None
    try:
        json.loads(text)
    except ValueError:
        return json.dumps(text, ensure_ascii=False)
    return text
