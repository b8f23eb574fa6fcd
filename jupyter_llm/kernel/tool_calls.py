"""Functions of the notebook that a model calls, with the consent of whoever reads along."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from jupyter_llm.client.function_tool import function_tools
from jupyter_llm.client.tool_results import error_message
from jupyter_llm.errors import InvalidRequestError

from .display import code_view

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from jupyter_llm.types import Message, ToolCall

    from .display import View

MAX_SHOWN_CHARS = 500  # of an argument or a result; the model is told more


class Toolset:
    """The functions that a question may call.

    `ask` puts a question to a person and returns the answer; `None` stands for a person who
    has agreed to everything beforehand.
    """

    def __init__(self, functions: Sequence[Any], ask: Callable[[str], str] | None) -> None:
        self.tools = function_tools(functions)
        self._ask = ask
        self._agreed: set[str] = set()

    def answer(self, call: ToolCall) -> Message:
        """Do what the model asks for, if that is allowed, and say what came of it.

        Raises:
            InvalidRequestError: Nobody can be asked.
        """
        tool = self.tools.get(call.name)
        if tool is None:
            known = ", ".join(self.tools)
            return error_message(call, InvalidRequestError(f"There is no such tool, but {known}."))
        if not self._is_allowed(call):
            return error_message(call, InvalidRequestError("The user did not allow this call."))
        return tool.answer(call)

    def _is_allowed(self, call: ToolCall) -> bool:
        if self._ask is None or call.name in self._agreed:
            return True
        said = self._consent(self._ask, f"The model calls {signature(call)}. Run it? [y/a/N] ")
        if said in {"a", "all", "always"}:
            self._agreed.add(call.name)
        return said in {"y", "yes", "a", "all", "always"}

    def _consent(self, ask: Callable[[str], str], question: str) -> str:
        try:
            return ask(question).strip().lower()
        # a kernel whose front end takes no input says the latter
        except (EOFError, NotImplementedError):
            raise InvalidRequestError(
                "The model calls a function, and nobody can be asked here whether it may. "
                "Say --allow-tools to allow it beforehand."
            ) from None


def signature(call: ToolCall) -> str:
    """A call as Python writes it."""
    try:
        given = json.loads(call.arguments or "{}")
        inner = ", ".join(f"{name}={value!r}" for name, value in given.items())
    except (ValueError, AttributeError):
        inner = call.arguments
    return _cut(f"{call.name}({inner})")


def account(calls: Sequence[tuple[ToolCall, Message]]) -> View:
    """What was called and what came of it, as a session of Python shows it."""
    lines = [f">>> {signature(call)}\n{_cut(result.content)}" for call, result in calls]
    return code_view("\n".join(lines), "pycon")


def _cut(text: str) -> str:
    return text if len(text) <= MAX_SHOWN_CHARS else f"{text[:MAX_SHOWN_CHARS]}…"
