"""From the items of a response to the turns that a model is shown."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import assert_never

from jupyter_llm.errors import InvalidRequestError
from jupyter_llm.handlers.wire.growing_turn import GrowingTurn
from jupyter_llm.types import Image, Message, ToolCall

from .items import (
    FunctionCall,
    FunctionCallOutput,
    InputImage,
    Item,
    MessageItem,
    Reasoning,
    text_of,
)


class Conversation:
    """Folds items into turns: reasoning, text and calls of an assistant are one turn.

    `instructions` come first. What is added says where it stands in the request.
    """

    def __init__(self, instructions: str | None) -> None:
        self._turns: list[GrowingTurn] = []
        self._calls: dict[str, str] = {}
        self._thoughts: list[str] = []
        if instructions:
            self._turns.append(_turn("system", instructions))

    def add(self, item: Item, at: str) -> None:
        """Add what happened next.

        Raises:
            InvalidRequestError: It answers no call, or its arguments are no JSON object.
        """
        match item:
            case MessageItem(role="assistant"):
                _check_shows_nothing(item, at)
                self._say(item.text)
            case MessageItem():
                self._hear(item, at)
            case Reasoning():
                self._thoughts += [item.text] if item.text else []
            case FunctionCall():
                self._call(item, at)
            case FunctionCallOutput():
                self._answer(item, at)
            case _:
                assert_never(item)

    def turns(self) -> tuple[Message, ...]:
        """The turns so far."""
        self._flush_thoughts()
        return tuple(turn.message() for turn in self._turns)

    def _hear(self, item: MessageItem, at: str) -> None:
        self._flush_thoughts()
        if item.role != "user":
            _check_shows_nothing(item, at)
        # chat templates know no developer: OpenAI's newer word for the system's turn
        role = "system" if item.role == "developer" else item.role
        last = self._turns[-1] if self._turns else None
        if last and role == "system" == last.role:
            # templates take one system's turn, and instructions are one already
            last.texts.append(item.text)
            return
        turn = _turn(role)
        self._turns.append(turn)
        for place, part in enumerate(item.parts):
            if isinstance(part, InputImage):
                turn.show(Image(param=_part(at, place), url=part.image_url))
            else:
                turn.texts.append(text_of(part))

    def _say(self, text: str) -> None:
        self._turns.append(GrowingTurn(role="assistant", texts=[text], thoughts=self._thoughts))
        self._thoughts = []

    def _call(self, item: FunctionCall, at: str) -> None:
        _check_arguments(item.arguments, f"{at}.arguments")
        self._calls[item.call_id] = item.name
        call = ToolCall(id=item.call_id, name=item.name, arguments=item.arguments)
        last = self._turns[-1] if self._turns else None
        if last is None or last.role != "assistant" or self._thoughts:
            self._say("")
            last = self._turns[-1]
        last.calls.append(call)

    def _answer(self, item: FunctionCallOutput, at: str) -> None:
        self._flush_thoughts()
        if item.call_id not in self._calls:
            raise InvalidRequestError(
                f"No function call has the id {item.call_id!r}. Send the call before its output, "
                "or name the response that made it in 'previous_response_id'.",
                param=f"{at}.call_id",
            )
        name = item.name or self._calls[item.call_id]
        self._turns.append(
            GrowingTurn(role="tool", texts=[item.text], name=name, call_id=item.call_id)
        )

    def _flush_thoughts(self) -> None:
        """Keep reasoning that nothing followed, as a turn of its own."""
        if self._thoughts:
            self._say("")


def conversation(
    instructions: str | None, history: Sequence[Item], items: Iterable[Item]
) -> tuple[Message, ...]:
    """The turns of a request; `history` is what earlier responses had in and out.

    Raises:
        InvalidRequestError: `param` names the item that does not fit.
    """
    talk = Conversation(instructions)
    for item in history:
        talk.add(item, "previous_response_id")
    for number, item in enumerate(items):
        talk.add(item, f"input[{number}]")
    return talk.turns()


def _part(at: str, place: int) -> str:
    """A part of an item; of an item that is stored there is no more to name than the response."""
    return f"{at}.content[{place}]" if at.startswith("input") else at


def _check_shows_nothing(item: MessageItem, at: str) -> None:
    for place, part in enumerate(item.parts):
        if isinstance(part, InputImage):
            raise InvalidRequestError(
                'Images belong into messages of the role "user".', param=_part(at, place)
            )


def _turn(role: str, *texts: str) -> GrowingTurn:
    # parts of a message are one text, instructions and messages of the system are several
    between = "\n\n" if role == "system" else ""
    return GrowingTurn(role=role, texts=list(texts), between=between)


def _check_arguments(arguments: str, at: str) -> None:
    try:
        is_object = isinstance(json.loads(arguments), dict)
    except (ValueError, RecursionError):
        is_object = False
    if not is_object:
        raise InvalidRequestError(
            f"'{at}' is not the text of a JSON object. Send it as the model wrote it.", param=at
        )
