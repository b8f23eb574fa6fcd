"""Render a conversation with a model's own chat template, in a sandbox.

Templates come with model files, from anybody. The conventions (names in scope,
filters, whitespace) are those of Hugging Face's `apply_chat_template`, which
template authors write for:
https://huggingface.co/docs/transformers/main/en/chat_templating
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from jinja2 import TemplateError, TemplateSyntaxError

from jupyter_llm.errors import InvalidRequestError, ModelFileError
from jupyter_llm.types import Message, Tool, ToolCall

from .sandbox import Sandbox, in_time
from .turns import CallStyle, in_parts, tool_dict, turn_dict, with_calls_told, with_tools_told

_FAILURES = (
    *(TemplateError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError),
    RecursionError,
)

_OWN_NAMES = frozenset(
    (
        *("messages", "tools", "bos_token", "eos_token"),
        *("add_generation_prompt", "continue_final_message"),
    )
)

# words that no template has of its own
_TOOL, _VALUE, _RESULT = "zu1n7_tool", "zu1n7_value", "zu1n7_result"
_PROBE_TOOL = Tool(name=_TOOL, description="A tool.")
_PROBE_CALL = ToolCall(id="zu1n7call", name=_TOOL, arguments=f'{{"key": "{_VALUE}"}}')
_PROBE = (
    Message(role="user", content="A question."),
    Message(role="assistant", content="", tool_calls=(_PROBE_CALL,)),
    Message(role="tool", content=_RESULT, name=_TOOL, tool_call_id=_PROBE_CALL.id),
)


class ChatTemplate:
    """A compiled chat template.

    Raises:
        ModelFileError: The template is not valid Jinja.
    """

    def __init__(self, source: str, *, bos_token: str = "", eos_token: str = "") -> None:
        self.source = source
        self._tokens = {"bos_token": bos_token, "eos_token": eos_token}
        try:
            self._template = Sandbox().from_string(source)
        except TemplateSyntaxError as error:
            raise ModelFileError(
                f"the model's chat template does not compile: {error.message}"
            ) from error

    def render(
        self,
        messages: Sequence[Message],
        *,
        tools: Sequence[Tool] = (),
        arguments: Mapping[str, Any] | None = None,
    ) -> str:
        """Return the prompt that asks for the assistant's next turn.

        What the template has no place for, tools or calls of the past, is told in the text
        of the turns. `arguments` are further names for the template.

        Raises:
            InvalidRequestError: The template refuses these messages, or fails on them.
        """
        further = _checked(arguments or {})
        style = self._call_style
        if style is None:
            messages = with_calls_told(messages)
        first = 0
        if tools and not self.knows_tools:
            told = with_tools_told(messages, tools)
            # a turn put in front has no place in the request
            first, messages, tools = len(messages) - len(told), told, ()
        turns = [
            turn_dict(turn, at, style or CallStyle()) for at, turn in enumerate(messages, first)
        ]
        try:
            return self._rendered(turns, tools, further)
        except _FAILURES as error:
            raise InvalidRequestError(
                f"the model's chat template does not take these messages: {error}",
                param="messages",
            ) from error

    @cached_property
    def knows_tools(self) -> bool:
        """Whether the template tells the model of the tools that it is given."""
        turns = [turn_dict(_PROBE[0], 0, CallStyle())]
        try:
            return _TOOL in self._rendered(turns, (_PROBE_TOOL,), {})
        except _FAILURES:
            return False

    @cached_property
    def _call_style(self) -> CallStyle | None:
        """The first way of writing calls that comes out whole; `None` if none does."""
        has_short_ids = bool(re.search(r"length\s*!=\s*9", self.source))
        styles = (
            CallStyle(has_text_arguments=text, has_null_content=null, has_short_ids=has_short_ids)
            for null in (True, False)
            for text in (False, True)
        )
        return next((style for style in styles if self._takes(style)), None)

    @cached_property
    def _wants_parts(self) -> bool:
        """Whether it shows a text only as a part of a list; so do many templates with images."""
        turn = turn_dict(_PROBE[0], 0, CallStyle())
        return not self._shows(turn) and self._shows(in_parts(turn))

    def _shows(self, turn: Mapping[str, Any]) -> bool:
        try:
            return _PROBE[0].content in self._text(self._names([turn], ()))
        except _FAILURES:
            return False

    def _takes(self, style: CallStyle) -> bool:
        turns = [turn_dict(turn, at, style) for at, turn in enumerate(_PROBE)]
        try:
            text = self._rendered(turns, (_PROBE_TOOL,), {})
        except _FAILURES:
            return False
        # a Python dictionary in the text is an object where the template wanted a string
        return _VALUE in text and _RESULT in text and f"'{_VALUE}'" not in text

    def _rendered(
        self,
        turns: Sequence[Mapping[str, Any]],
        tools: Sequence[Tool],
        arguments: Mapping[str, Any],
    ) -> str:
        if self._wants_parts:
            turns = [in_parts(turn) for turn in turns]
        return self._text({**arguments, **self._names(turns, tools)})

    def _text(self, names: Mapping[str, Any]) -> str:
        with in_time():
            return self._template.render(names)

    def _names(
        self, turns: Sequence[Mapping[str, Any]], tools: Sequence[Tool]
    ) -> Mapping[str, Any]:
        return {
            "messages": turns,
            "tools": [tool_dict(tool) for tool in tools] or None,
            "add_generation_prompt": True,
            **self._tokens,
        }


def _checked(arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """The arguments, none of which may take the place of what we give the template."""
    for name in arguments.keys() & _OWN_NAMES:
        param = f"chat_template_kwargs.{name}"
        raise InvalidRequestError(f"'{param}' is not the caller's to set.", param=param)
    return arguments
