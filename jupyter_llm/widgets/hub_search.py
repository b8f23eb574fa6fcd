"""Search on the Hub, as a part of the model picker: words, a repository, a file of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ipywidgets import Button, Dropdown, HBox, Layout, Text, VBox

from jupyter_llm.client.tables import size

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_WIDE = {"description_width": "6em"}
_WIDTH = "min(100%, 36em)"


class HubSearch(VBox):
    """What to look for, what was found, and which file of it to download.

    Args:
        search: Is called with the words that somebody looks for.
        choose: Is called with the repository that somebody wants to see the files of.
        download: Is called with `org/repo:QUANTIZATION`, or `org/repo` for our choice.
    """

    def __init__(
        self,
        *,
        search: Callable[[str], Any],
        choose: Callable[[str], Any],
        download: Callable[[str], Any],
    ) -> None:
        self._search, self._choose, self._download = search, choose, download
        self._is_filling = False
        self.words = Text(
            description="Search Hub",
            placeholder="words to look for, or org/repo",
            continuous_update=False,  # the value changes at Enter, or when the field is left
            style=_WIDE,
            layout=Layout(width=_WIDTH),
            tooltip="Search the Hub for models in the GGUF format",
        )
        self.button = Button(description="Search", tooltip="Search the Hub", layout=_narrow())
        self.found = _menu("Found", "Repositories of the Hub")
        self.files = _menu("File", "Files of the repository: size, and whether they fit")
        self.get = Button(
            description="Download",
            tooltip="Download this file to the server",
            layout=_narrow(),
        )
        self._results = VBox([self.found, HBox([self.files, self.get], layout=_wrapping())])
        self._results.layout.display = "none"
        self.words.observe(lambda change: self._look_for(change["new"]), "value")
        self.button.on_click(lambda _: self._look_for(self.words.value))
        self.found.observe(self._on_found, "value")
        self.get.on_click(self._on_get)
        super().__init__([HBox([self.words, self.button], layout=_wrapping()), self._results])

    def show_found(self, repositories: Sequence[dict[str, Any]]) -> None:
        """Offer what a search has found, and choose the first."""
        options = [(_repository(item), item["id"]) for item in repositories]
        self._fill(self.found, options or [("The Hub has no GGUF model of that name.", "")])
        self._fill(self.files, [])
        self._results.layout.display = ""
        if options:
            self._choose(self.found.value)

    def show_repository(self, repo_id: str) -> None:
        """Offer one repository that was named."""
        self._fill(self.found, [(repo_id, repo_id)])
        self._results.layout.display = ""

    def show_files(self, files: Sequence[dict[str, Any]]) -> None:
        """Offer the files of the repository that is chosen."""
        nothing = [("This repository has no GGUF files.", "")]
        options = [(_file(item), item["filenames"][0]) for item in files]
        self._fill(self.files, options or nothing)

    def _look_for(self, text: str) -> None:
        if text.strip():
            self._search(text.strip())

    def _on_found(self, change: dict[str, Any]) -> None:
        if change["new"] and not self._is_filling:
            self._fill(self.files, [])
            self._choose(change["new"])

    def _on_get(self, _: Button) -> None:
        repo_id, wanted = self.found.value, self.files.value
        if repo_id:
            self._download(f"{repo_id}:{wanted}" if wanted else repo_id)

    def _fill(self, menu: Dropdown, options: list[tuple[str, str]]) -> None:
        self._is_filling = True
        try:
            menu.options = options
            menu.index = 0 if options else None
        finally:
            self._is_filling = False
        menu.disabled = not any(value for _, value in options)
        self.get.disabled = self.files.disabled


def _menu(description: str, tooltip: str) -> Dropdown:
    return Dropdown(
        description=description, tooltip=tooltip, style=_WIDE, layout=Layout(width=_WIDTH)
    )


def _narrow() -> Layout:
    return Layout(width="auto")


def _wrapping() -> Layout:
    return Layout(flex_flow="row wrap")


def _repository(item: dict[str, Any]) -> str:
    parts = [item["id"], item["licence"] or "no licence given", f"{item['downloads']} downloads"]
    return " · ".join([*parts, "gated"] if item["gated"] else parts)


def _file(item: dict[str, Any]) -> str:
    name = item["quantization"] or item["name"]
    return f"{name} · {size(item['size_bytes'])} · {item['fit']}"
