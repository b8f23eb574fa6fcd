"""The conversation of a kernel, in the order of its cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from jupyter_llm.types import Message

Turns = list[Message | dict[str, Any]]
"""The messages of a conversation; those with images are as the server takes them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where a question is asked: its cell, and which execution of that cell.

    `cell_id` is empty where there are no cells, as in a terminal.
    """

    cell_id: str = ""
    run_id: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Turn:
    """A question and its answer, which is empty if the question failed.

    `images` are the parts of the question's message that show something.
    """

    place: Place
    question: str
    answer: str
    images: tuple[dict[str, Any], ...] = ()

    def messages(self) -> tuple[Message | dict[str, Any], ...]:
        """The turn as a model is told of it; nothing of a question that failed."""
        if not self.answer:
            return ()
        return (asked(self.question, self.images), Message(role="assistant", content=self.answer))


def asked(question: str, images: Sequence[dict[str, Any]] = ()) -> Message | dict[str, Any]:
    """The user's message: its images come first, as models were trained to see them."""
    if not images:
        return Message(role="user", content=question)
    return {"role": "user", "content": [*images, {"type": "text", "text": question}]}


class Conversation:
    """The turns so far.

    A cell that runs again keeps its place: its question follows what stood
    before it, and its new turn replaces the old one. A cell that asks several
    times in one execution, in a loop for instance, has several turns.
    """

    def __init__(self) -> None:
        self._turns: list[Turn] = []

    def __len__(self) -> int:
        return len(self._turns)

    def before(self, place: Place) -> tuple[Message | dict[str, Any], ...]:
        """The messages that lead up to a question asked at `place`."""
        turns = self._turns[: self._position(place)]
        return tuple(message for turn in turns for message in turn.messages())

    def record(
        self, place: Place, question: str, answer: str, images: Sequence[dict[str, Any]] = ()
    ) -> None:
        """Put a turn at its place; what the cell said in earlier executions goes.

        A question that failed has an empty answer: it keeps its cell's place
        and is not sent again.
        """
        turn = Turn(place=place, question=question, answer=answer, images=tuple(images))
        self._turns.insert(self._position(place), turn)
        self._turns = [old for old in self._turns if not _replaces(place, old.place)]

    def reset(self) -> None:
        """Forget everything."""
        self._turns.clear()

    def _position(self, place: Place) -> int:
        """After this execution's own turns, else where the cell was, else at the end."""
        places = [turn.place for turn in self._turns]
        if place.cell_id and place in places:
            return len(places) - places[::-1].index(place)
        cells = [old.cell_id for old in places]
        known = place.cell_id and place.cell_id in cells
        return cells.index(place.cell_id) if known else len(places)


def _replaces(new: Place, old: Place) -> bool:
    return bool(new.cell_id) and new.cell_id == old.cell_id and new.run_id != old.run_id
