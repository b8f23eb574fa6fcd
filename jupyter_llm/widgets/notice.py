"""The line of a widget that says what went wrong."""

from __future__ import annotations

from html import escape

from ipywidgets import HTML

_STYLE = "white-space: pre-wrap; margin: 2px 0; padding: 4px 8px; border-left: 3px solid"
_COLOURS = {
    "alert": "var(--jp-error-color1, #d32f2f)",
    "status": "var(--jp-warn-color1, #f57c00)",
}


class Notice(HTML):
    """Says one thing at a time, and takes no room while there is nothing to say.

    `text` is what it says. An alert is something that failed, a status what is to be known;
    screen readers tell the two apart.
    """

    def __init__(self) -> None:
        self.text = ""
        super().__init__()
        self.layout.display = "none"

    def say(self, text: str, role: str = "alert") -> None:
        """Say `text`; nothing if it is empty."""
        self.text = text
        colour = _COLOURS[role]
        said = f'<div role="{role}" style="{_STYLE} {colour}">{escape(text)}</div>'
        self.value = said if text else ""
        self.layout.display = "" if text else "none"
