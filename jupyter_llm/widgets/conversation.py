"""A conversation: who said what, and what of it the model is told."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .answer import Answer

_CODE = re.compile(
    r"^ {0,3}(`{3,}|~{3,})[^\n]*\n(.*?)^ {0,3}\1[`~]*[ \t]*$", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Turn:
    """What one side said: the `user` or the `assistant`.

    `id` is one of its own in the conversation. Of an answer, `status` is a line about it,
    `outcome` how it ended and `reasoning` what the model thought before; `text` of one that
    failed says why.
    """

    id: int
    role: str
    text: str
    reasoning: str = ""
    status: str = ""
    outcome: str = ""

    @property
    def is_failed(self) -> bool:
        """Whether it is no answer, but why there is none."""
        return self.outcome == "failed"


class Conversation:
    """Questions and answers in their order; an id is never used twice."""

    def __init__(self) -> None:
        self.turns: tuple[Turn, ...] = ()
        self._last_id = 0

    def add(self, role: str, text: str) -> Turn:
        """Note what was said."""
        self._last_id += 1
        turn = Turn(id=self._last_id, role=role, text=text)
        self.turns = (*self.turns, turn)
        return turn

    def add_answer(self, answer: Answer) -> None:
        """Note how an answer has ended."""
        self._last_id += 1
        turn = Turn(
            id=self._last_id,
            role="assistant",
            text=f"{answer.text}\n\n{answer.error}".strip() if answer.error else answer.text,
            reasoning=answer.reasoning,
            status=answer.status(),
            outcome=answer.outcome,
        )
        self.turns = (*self.turns, turn)

    def cut(self, turn_id: int) -> None:
        """Forget this turn and whatever came after it."""
        self.turns = tuple(turn for turn in self.turns if turn.id < turn_id)

    def last_question(self) -> Turn | None:
        """The last thing that the user said."""
        return next((turn for turn in reversed(self.turns) if turn.role == "user"), None)

    def messages(self, system: str = "") -> list[dict[str, str]]:
        """What the model is told; questions that were not answered are left out."""
        said = [{"role": "system", "content": system}] if system.strip() else []
        following = (*self.turns[1:], None)
        for turn, after in zip(self.turns, following, strict=True):
            if not turn.is_failed and not (after is not None and after.is_failed):
                said.append({"role": turn.role, "content": turn.text})
        return said

    def code(self) -> list[str]:
        """The blocks of code in the answers."""
        answers = (t.text for t in self.turns if t.role == "assistant" and not t.is_failed)
        return [found[2] for text in answers for found in _CODE.finditer(text)]

    def text(self) -> str:
        """The conversation for a terminal."""
        names = {"user": "You"}
        return "\n\n".join(
            f"{names.get(turn.role, 'Model')}: {turn.text}"
            + (f"\n[{turn.status}]" if turn.status else "")
            for turn in self.turns
        )
