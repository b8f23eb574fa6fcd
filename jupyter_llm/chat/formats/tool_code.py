"""Gemma 3: a fence of Python, ```` ```tool_code ````, with calls in it.

https://ai.google.dev/gemma/docs/capabilities/function-calling
"""

from __future__ import annotations

import ast
import json
from typing import Any, ClassVar

from jupyter_llm.chat.declared import Declared
from jupyter_llm.chat.reader import Reader, Steps
from jupyter_llm.chat.sink import Sink

from .hermes import Hermes

_FENCES = ("```tool_code\n", "```tool_call\n", "```json\n")


class ToolCode(Hermes):
    """What Gemma 3 writes when it is asked for tool calls, in Python or as JSON.

    Its template knows no tools, so that it is asked in Hermes' format; it may answer in the
    one that it has learnt. A fence is a call only of tools that were offered.
    """

    name = "gemma3"
    signs = ("<start_of_turn>",)
    openers = ("<tool_call>", *_FENCES)
    markers: ClassVar[tuple[str, ...]] = Hermes.markers

    def block(self, opener: str, reader: Reader, sink: Sink, tools: Declared) -> Steps[bool]:
        """A block of Hermes, or a fence."""
        if opener == "<tool_call>":
            return (yield from super().block(opener, reader, sink, tools))
        parts: list[str] = []
        if not (yield from reader.until(("```",), parts.append)):
            return False
        calls = _calls("".join(parts))
        if not calls or any(name not in tools for name, _ in calls):
            return False
        for name, arguments in calls:
            sink.begin_call(name)
            sink.arguments(json.dumps(arguments, ensure_ascii=False))
            sink.end_call()
        return True


def _calls(code: str) -> list[tuple[str, dict[str, Any]]]:
    """The calls in a fence; none where it holds anything else."""
    try:
        return [_from_json(json.loads(code))]
    except (ValueError, LookupError, TypeError, AttributeError):
        pass
    try:
        body = ast.parse(code.strip()).body
        return [call for statement in body for call in _from_statement(statement)]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []


def _from_json(value: Any) -> tuple[str, dict[str, Any]]:
    arguments = value.get("arguments", value.get("parameters", {}))
    if not isinstance(value["name"], str) or not isinstance(arguments, dict):
        raise TypeError
    return value["name"], arguments


def _from_statement(statement: ast.stmt) -> list[tuple[str, dict[str, Any]]]:
    value = statement.value if isinstance(statement, ast.Expr) else None
    if isinstance(value, ast.List):
        return [_from_call(item) for item in value.elts]
    if isinstance(value, ast.Call) and _name(value) == "print" and len(value.args) == 1:
        value = value.args[0]
    return [_from_call(value)]


def _from_call(node: ast.expr | None) -> tuple[str, dict[str, Any]]:
    if not isinstance(node, ast.Call) or node.args or any(k.arg is None for k in node.keywords):
        raise SyntaxError
    return _name(node), {str(k.arg): ast.literal_eval(k.value) for k in node.keywords}


def _name(call: ast.Call) -> str:
    return ast.unparse(call.func)
