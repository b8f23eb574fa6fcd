"""Questions that follow each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .chat_request import Messages, chat_body
from .messages import message_body

if TYPE_CHECKING:
    from .answer import Answer
    from .answer_stream import AnswerStream, AsyncAnswerStream
    from .llm import LLM


class Conversation:
    """What was said so far, in `messages`, and the next question.

        chat = llm.conversation(system="Answer in one sentence.")
        chat.ask("What is a GGUF file?")
        chat.ask("And who came up with it?")

    `messages` are dicts as OpenAI's routes take them, and may be changed. A question that
    failed, or was stopped, leaves nothing behind.
    """

    def __init__(self, llm: LLM, *, system: str | None = None, **options: Any) -> None:
        self._llm = llm
        self._options = options
        self.system = system
        self.messages: list[dict[str, Any]] = []

    def ask(self, question: Messages, **options: Any) -> Answer:
        """Ask, and wait for the answer; takes what `llm.chat` takes, but no `cache`."""
        return self.stream(question, **options).answer

    def stream(self, question: Messages, **options: Any) -> AnswerStream:
        """Ask, and get the text in pieces as it comes."""
        asked, given = self._asked(question, options)
        return self._llm.stream(
            [*self.messages, *asked],
            on_answer=lambda answer: self._record(asked, answer),
            **given,
        )

    async def aask(self, question: Messages, **options: Any) -> Answer:
        """`ask` for an event loop."""
        async with self.astream(question, **options) as stream:
            return await stream.answer()

    def astream(self, question: Messages, **options: Any) -> AsyncAnswerStream:
        """`stream` for an event loop."""
        asked, given = self._asked(question, options)
        return self._llm.astream(
            [*self.messages, *asked],
            on_answer=lambda answer: self._record(asked, answer),
            **given,
        )

    def reset(self) -> None:
        """Begin anew."""
        self.messages.clear()

    def __len__(self) -> int:
        return len(self.messages)

    def __repr__(self) -> str:
        return "\n\n".join(f"{turn['role']}: {_text(turn)}" for turn in self.messages)

    def _repr_markdown_(self) -> str:
        return "\n\n".join(f"**{turn['role']}**\n\n{_text(turn)}" for turn in self.messages)

    def _asked(
        self, question: Messages, options: Mapping[str, Any]
    ) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """The turns of the question, its pictures among them, and the other options."""
        given = {"system": self.system, **self._options, **options}
        asked = chat_body(question, images=given.pop("images", None))["messages"]
        return asked, given

    def _record(self, asked: list[dict[str, Any]], answer: Answer) -> None:
        self.messages += [*asked, *map(message_body, answer.turns)]


def _text(turn: Mapping[str, Any]) -> str:
    """What a turn says, pictures and calls in brief."""
    content = turn.get("content") or ""
    if not isinstance(content, str):
        content = "".join(part.get("text") or "🖼" for part in content)
    functions = [call["function"] for call in turn.get("tool_calls", ())]
    calls = [f"{function['name']}({function['arguments']})" for function in functions]
    return "\n".join(text for text in (content, *calls) if text)
