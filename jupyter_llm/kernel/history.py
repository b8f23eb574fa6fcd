"""The conversation of a kernel, in the order of its cells."""

from __future__ import annotations

from dataclasses import dataclass

from jupyter_llm.types import Message


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where a question is asked: its cell, and which execution of that cell.

    `cell_id` is empty where there are no cells, as in a terminal.
    """

    cell_id: str = ""
    run_id: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Turn:
    """A question and its answer, which is empty if the question failed."""

    place: Place
    question: str
    answer: str


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

    def before(self, place: Place) -> tuple[Message, ...]:
        """The messages that lead up to a question asked at `place`."""
        return tuple(
            message
            for turn in self._turns[: self._position(place)]
            if turn.answer
            for message in (
                Message(role="user", content=turn.question),
                Message(role="assistant", content=turn.answer),
            )
        )

    def record(self, place: Place, question: str, answer: str) -> None:
        """Put a turn at its place; what the cell said in earlier executions goes.

        A question that failed has an empty answer: it keeps its cell's place
        and is not sent again.
        """
        turn = Turn(place=place, question=question, answer=answer)
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
