"""A question, and the rounds until its answer, in which tools are called. It sends nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from jupyter_llm.errors import InvalidRequestError, LLMError
from jupyter_llm.types import Message, ToolCall

from .answer import Answer, total_timings, total_usage
from .answer_type import answer_type
from .function_tool import FunctionTool, function_tools
from .messages import message_body
from .tool_results import error_message
from .work import Work, chat_work, completion, value_of

if TYPE_CHECKING:
    from .chat_request import Messages
    from .reply import Reply

MAX_ROUNDS = 8
"""Replies with calls of tools that one question may bring, unless the caller says otherwise."""

_FREE = {"auto", "none"}


class Exchange:
    """What has to be sent next, until there is an answer.

        while not exchange.is_done:
            reply = …            # of the model to exchange.work()
            for call in exchange.take(reply):
                exchange.tell(exchange.tool(call).answer(call))

    Args:
        messages: As for `chat_body`.
        schema: The type of the answer, as for `answer_type`.
        tools: Functions that are called, and descriptions of tools, whose calls end the
            exchange: they are the caller's to answer.
        max_rounds: Replies with calls that are answered.
        options: As for `chat_body`.
    """

    def __init__(
        self,
        messages: Messages,
        *,
        schema: Any = None,
        tools: Iterable[Any] | None = None,
        max_rounds: int | None = None,
        **options: Any,
    ) -> None:
        self._wanted = None if schema is None else answer_type(schema)
        self._max_rounds = MAX_ROUNDS if max_rounds is None else max_rounds
        listed = list(tools or ())
        self._tools = function_tools(tool for tool in listed if not isinstance(tool, Mapping))
        self._others = {_name(tool) for tool in listed if isinstance(tool, Mapping)}
        work = completion(messages, schema=self._wanted, tools=listed, **options)
        self._body = work.body or {}
        self._turns: list[Message] = []
        self._replies: list[Reply] = []
        self.is_done = False

    def work(self) -> Work[Reply]:
        """The request that is to be sent now."""
        told = [message_body(turn) for turn in self._turns]
        body = {**self._body, "messages": [*self._body["messages"], *told]}
        if told and body.get("tool_choice", "auto") not in _FREE:
            body["tool_choice"] = "auto"  # who must call in every round never answers
        return chat_work(body)

    def take(self, reply: Reply) -> tuple[ToolCall, ...]:
        """What the model has said; returns the calls whose results it waits for.

        Raises:
            LLMError: It has called tools too many times over.
        """
        self._replies.append(reply)
        self._turns.append(reply.message())
        is_ours = all(call.name not in self._others for call in reply.tool_calls)
        self.is_done = not (reply.tool_calls and self._tools and is_ours)
        if self.is_done:
            return ()
        if len(self._replies) > self._max_rounds:
            raise LLMError(
                f"The model has called tools {len(self._replies)} times over and not answered. "
                f"Give it more than max_rounds={self._max_rounds}, or ask for less at once."
            )
        return reply.tool_calls

    def tool(self, call: ToolCall) -> FunctionTool:
        """The tool that a call is for.

        Raises:
            InvalidRequestError: There is none of this name; tell the model with `refuse`.
        """
        try:
            return self._tools[call.name]
        except KeyError:
            names = ", ".join(self._tools)
            raise InvalidRequestError(
                f"There is no tool {call.name!r}, only {names}.", param="tools"
            ) from None

    def tell(self, result: Message) -> None:
        """Take the result of a call."""
        self._turns.append(result)

    def refuse(self, call: ToolCall, error: Exception) -> None:
        """Tell the model why a call has no result."""
        self.tell(error_message(call, error))

    def check(self, reply: Reply) -> Any:
        """The value that a reply stands for; `None` where none is asked for.

        Raises:
            AnswerFormatError: It is not of the type that was asked for.
        """
        if self._wanted is None or reply.tool_calls:
            return None
        return value_of(reply, self._wanted)

    def answer(self) -> Answer:
        """The answer.

        Raises:
            AnswerFormatError: It is not of the type that was asked for.
        """
        last = self._replies[-1]
        return Answer(
            text=last.text,
            value=self.check(last),
            reasoning=last.reasoning,
            tool_calls=last.tool_calls,
            turns=tuple(self._turns),
            model=last.model,
            finish_reason=last.finish_reason,
            usage=total_usage(reply.usage for reply in self._replies),
            timings=total_timings(reply.timings for reply in self._replies),
            is_cached=all(reply.is_cached for reply in self._replies),
        )


def _name(tool: Mapping[str, Any]) -> str:
    function = tool.get("function")
    return str(function.get("name")) if isinstance(function, Mapping) else ""
