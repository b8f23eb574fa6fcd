"""A question to a model, and what becomes of its answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jupyter_llm.client import Client
from jupyter_llm.errors import ContextLengthError
from jupyter_llm.types import Message

from .answer import Answer, stream
from .cells import place_of
from .code import code_of
from .display import open_output
from .history import Conversation
from .sampling import sampling_options

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence

    from IPython.core.interactiveshell import InteractiveShell


class Questions:
    """The questions of one shell, whose cells share a conversation."""

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell
        self._conversation = Conversation()

    def ask(self, prompt: str, arguments: Namespace) -> None:
        """Ask what a cell says, with the arguments above it."""
        place, answer = place_of(self._shell), Answer(arguments.model or "")
        before = () if arguments.no_history else self._conversation.before(place)
        system = [Message(role="system", content=arguments.system)] if arguments.system else []
        try:
            show_answer(
                self._shell,
                [*system, *before, Message(role="user", content=prompt)],
                arguments,
                answer,
            )
        except ContextLengthError as exc:
            if before:
                exc.add_note("`%llm reset` forgets the questions before, --no-history skips them.")
            raise
        finally:
            # what was interrupted is remembered too, what failed is not
            text = "" if answer.outcome == "failed" else answer.text
            if not arguments.no_history:
                self._conversation.record(place, prompt, text)
            if arguments.out and answer.outcome not in {"", "failed"}:
                self._shell.user_ns[arguments.out] = text
        if arguments.code:
            self._shell.set_next_input(code_of(answer.text))

    def reset(self) -> int:
        """Forget the conversation; returns how many questions that were."""
        num_turns = len(self._conversation)
        self._conversation.reset()
        return num_turns


def show_answer(
    shell: InteractiveShell, messages: Sequence[Message], arguments: Namespace, answer: Answer
) -> None:
    """Stream the answer to `messages` into `answer` and the output of the cell."""
    with Client() as client:
        deltas = client.chat(messages, model=arguments.model, **sampling_options(arguments))
        stream(deltas, answer, open_output(shell))
