"""The turns of a conversation on a page: Markdown, code to copy, questions to edit."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from anywidget import AnyWidget
from traitlets import Bool, Dict, List, Unicode

from .markdown import as_html, plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .answer import Answer
    from .conversation import Turn


class Transcript(AnyWidget):
    """Shows turns; what is asked for on the page goes to `on_request`.

    A widget of its own making, because ipywidgets has nothing that can copy text, follow a
    growing answer or put code into a new cell.

    Args:
        on_request: Is called with `{"type": "resend", "id", "text"}` or
            `{"type": "regenerate"}`.
        label: What a screen reader calls it.
        can_edit: Whether questions can be edited and answers asked for anew.
    """

    _esm = Path(__file__).parent / "transcript.js"
    _css = Path(__file__).parent / "transcript.css"

    turns = List(Dict(), help="The turns as the page shows them.").tag(sync=True)
    growing = Dict(help="The answer that is on its way; empty if none is.").tag(sync=True)
    label = Unicode(help="What a screen reader calls it.").tag(sync=True)
    can_edit = Bool(help="Whether questions can be edited.").tag(sync=True)
    height = Unicode("24em", help="The height from which on it scrolls, in CSS.").tag(sync=True)

    def __init__(
        self,
        *,
        label: str,
        on_request: Callable[[dict[str, Any]], None] | None = None,
        can_edit: bool = True,
    ) -> None:
        super().__init__(label=label, can_edit=can_edit)
        if on_request is not None:
            self.on_msg(lambda _, content, __: on_request(content))

    def show(self, turns: Iterable[Turn]) -> None:
        """Show these turns, and no answer on its way."""
        known = {turn["id"]: turn for turn in self.turns}
        self.turns = [known.get(turn.id) or _shown(turn) for turn in turns]
        self.growing = {}

    def show_growing(self, answer: Answer, status: str = "") -> None:
        """Show an answer on its way below the turns."""
        self.growing = {
            "html": as_html(answer.text),
            "reasoning": answer.reasoning,
            "status": status or answer.status(),
        }


def _shown(turn: Turn) -> dict[str, Any]:
    is_answer = turn.role == "assistant" and not turn.is_failed
    return {
        "id": turn.id,
        "role": turn.role,
        "html": as_html(turn.text) if is_answer else plain(turn.text),
        "text": turn.text,
        "reasoning": turn.reasoning,
        "status": turn.status,
        "failed": turn.is_failed,
    }
