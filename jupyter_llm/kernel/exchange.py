"""A question, the calls that it takes to answer it, and the answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jupyter_llm.client import Client

from .answer import Answer, stream
from .display import open_output
from .form import PROSE, Form
from .history import Turns
from .tool_calls import Toolset, account

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from jupyter_llm.types import ToolCall

MAX_ROUNDS = 8
"""Times that a model may call functions before it has to answer without them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """The turns of a conversation, whose last one asks, and how they are to be answered.

    `options` are further fields of a chat completion.
    """

    turns: Turns
    model: str | None = None
    form: Form = PROSE
    toolset: Toolset | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


class Exchange:
    """Has a question answered, in the output of the cell; `answer` is how far that is."""

    def __init__(self, shell: InteractiveShell, question: Question) -> None:
        self._shell = shell
        self._question = question
        self._turns: Turns = list(question.turns)
        self.answer = self._new_answer()

    def run(self) -> None:
        """Stream the answer; functions that the model calls are called in between."""
        with Client() as client:
            self._ask(client)
            for num_left in reversed(range(MAX_ROUNDS)):
                calls = self.answer.reply.tool_calls
                if not calls or self._question.toolset is None:
                    return
                self._call(self._question.toolset, calls)
                self._ask(client, {} if num_left else {"tool_choice": "none"})

    def value(self) -> Any:
        """The answer in its form, which then stands in the place of its text.

        Raises:
            AnswerFormatError: It is not whole, or not of that form.
        """
        value = self._question.form.value(self.answer.reply)
        if self._question.form.is_typed:
            self._output.revise(self.answer.view(is_brief=True))
        return value

    def _ask(self, client: Client, more: Mapping[str, Any] | None = None) -> None:
        question, self.answer = self._question, self._new_answer()
        self._output = open_output(self._shell)
        deltas = client.chat(
            self._turns,
            model=question.model,
            schema=question.form.wanted,
            tools=question.toolset.tools.values() if question.toolset else None,
            **question.options,
            **(more or {}),
        )
        stream(deltas, self.answer, self._output)

    def _call(self, toolset: Toolset, calls: Sequence[ToolCall]) -> None:
        """Do what the model asks for, show it, and go on from there."""
        results = [(call, toolset.answer(call)) for call in calls]
        open_output(self._shell).finish(account(results))
        self._turns += [self.answer.reply.message(), *(result for _, result in results)]

    def _new_answer(self) -> Answer:
        return Answer(self._question.model or "", language=self._question.form.language)
