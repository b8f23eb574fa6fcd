"""Where a question is written, and the buttons that send it and stop the answer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from anywidget import AnyWidget
from traitlets import Bool, Unicode

if TYPE_CHECKING:
    from collections.abc import Callable


class Composer(AnyWidget):
    """A text area that Enter sends and Escape stops.

    A widget of its own making, because the text area of ipywidgets tells of no key.

    Args:
        send: Is called with what was written.
        stop: Is called when the answer is to be stopped.
        label: What a screen reader calls the text area, and what stands in it while it is
            empty.
    """

    _esm = Path(__file__).parent / "composer.js"
    _css = Path(__file__).parent / "composer.css"

    busy = Bool(help="Whether there is something to stop.").tag(sync=True)
    label = Unicode(help="What is to be written here.").tag(sync=True)

    def __init__(self, *, send: Callable[[str], Any], stop: Callable[[], Any], label: str) -> None:
        self._send_text, self._stop_answer = send, stop
        super().__init__(label=label)
        self.on_msg(lambda _, content, __: self._on_message(content))

    def _on_message(self, content: dict[str, Any]) -> None:
        if content.get("type") == "stop":
            self._stop_answer()
        elif content.get("type") == "send" and str(content.get("text", "")).strip():
            self._send_text(str(content["text"]).strip())
