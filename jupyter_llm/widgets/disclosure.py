"""Controls that are out of the way until somebody wants them."""

from __future__ import annotations

from typing import Any

from ipywidgets import Layout, ToggleButton, VBox


class Disclosure(VBox):
    """A button that shows and hides what is below it.

    The accordion of ipywidgets would do, but for its heads, which no key reaches.

    Args:
        title: The button's label.
        content: What it shows.
    """

    def __init__(self, title: str, *content: Any) -> None:
        self.button = ToggleButton(
            description=title,
            tooltip=f"Show or hide: {title}",
            layout=Layout(width="auto", align_self="flex-start"),
        )
        self._content = VBox(content)
        self._content.layout.display = "none"
        self.button.observe(self._on_toggle, "value")
        super().__init__([self.button, self._content])

    def close(self) -> None:
        """Take it off every page; what it shows stays with whoever made it."""
        self.button.close()
        self._content.close()
        super().close()

    def _on_toggle(self, change: dict[str, Any]) -> None:
        self._content.layout.display = "" if change["new"] else "none"
