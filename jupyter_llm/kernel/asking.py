"""What `%%llm` asks, and what it leaves behind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jupyter_llm.errors import AnswerFormatError, ContextLengthError, InvalidRequestError
from jupyter_llm.types import Message

from .cells import place_of
from .code import code_of
from .exchange import Exchange, Question
from .form import form_of
from .history import Conversation, Turns, asked
from .named import functions_named, images_named, schema_named
from .sampling import sampling_options
from .tool_calls import Toolset

if TYPE_CHECKING:
    from argparse import Namespace

    from IPython.core.interactiveshell import InteractiveShell

    from .form import Form


class Questions:
    """The questions of one shell, whose cells share a conversation."""

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell
        self._conversation = Conversation()

    def ask(self, prompt: str, arguments: Namespace) -> Any:
        """Ask what a cell says, with the arguments above it; returns a typed answer's value."""
        place, form = place_of(self._shell), self._form(arguments)
        images = images_named(self._shell, arguments.images or ())
        before = () if arguments.no_history else self._conversation.before(place)
        system = [Message(role="system", content=arguments.system)] if arguments.system else []
        exchange = self._exchange([*system, *before, asked(prompt, images)], form, arguments)
        try:
            exchange.run()
        except InvalidRequestError as exc:
            if before and _is_about_the_conversation(exc):
                exc.add_note("`%llm reset` forgets the questions before, --no-history skips them.")
            raise
        finally:
            # what was interrupted is remembered too, what failed is not
            text = "" if exchange.answer.outcome == "failed" else exchange.answer.text
            if not arguments.no_history:
                self._conversation.record(place, prompt, text, images)
            if arguments.out and text and not form.is_typed:
                self._shell.user_ns[arguments.out] = form.value(exchange.answer.reply)
        return self._result(exchange, form, arguments)

    def reset(self) -> int:
        """Forget the conversation; returns how many questions that were."""
        num_turns = len(self._conversation)
        self._conversation.reset()
        return num_turns

    def _form(self, arguments: Namespace) -> Form:
        schema = schema_named(self._shell, arguments.schema) if arguments.schema else None
        return form_of(arguments.kind, schema)

    def _exchange(self, turns: Turns, form: Form, arguments: Namespace) -> Exchange:
        functions = functions_named(self._shell, arguments.tools or ())
        ask = None if arguments.allow_tools else input
        question = Question(
            turns=turns,
            model=arguments.model,
            form=form,
            toolset=Toolset(functions, ask) if functions else None,
            options=sampling_options(arguments),
        )
        return Exchange(self._shell, question)

    def _result(self, exchange: Exchange, form: Form, arguments: Namespace) -> Any:
        if arguments.code:
            self._shell.set_next_input(code_of(exchange.answer.text))
        if not form.is_typed:
            return None
        try:
            value = exchange.value()
        except AnswerFormatError as exc:
            if exchange.answer.outcome == "length":
                exc.add_note("--max-tokens N gives an answer more room.")
            raise
        if arguments.out:
            self._shell.user_ns[arguments.out] = value
        return value


def _is_about_the_conversation(error: InvalidRequestError) -> bool:
    """Whether a shorter one would do: it is too long, or shows images to who cannot see."""
    is_long = isinstance(error, ContextLengthError)
    return is_long or (error.param or "").startswith("messages")
