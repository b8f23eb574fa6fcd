"""`ModelPicker`: find, download, load and unload models."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, ClassVar

from ipywidgets import Button, FloatProgress, HBox, Label, Layout, VBox
from traitlets import Dict, Unicode

from jupyter_llm.client.tables import models_table, size, state
from jupyter_llm.types import Download, DownloadState, ListedModel, ModelState, ModelStatus

from .download_row import DownloadRow, said
from .hub_search import HubSearch
from .live import LiveWidget
from .model_menu import ModelMenu

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jupyter_llm.client import Client
    from jupyter_llm.client.events import Event

_IN_MEMORY = {ModelState.QUEUED, ModelState.LOADING, ModelState.READY}
_UNFINISHED = {DownloadState.QUEUED, DownloadState.RUNNING}


class ModelPicker(LiveWidget):
    """Chooses a model of this server, or fetches one from the Hub.

    `model` is the one that is chosen; give the picker to a `Chat`, or read it. What others
    do to the models shows here as it happens. A download goes on at the server when the
    picker is closed, and a load too.

    Args:
        model: The model to begin with.
        options: Fields of the load request, such as `context_length` and `slots`.
        client: The server to talk to; by default the one that started this kernel.
    """

    kinds: ClassVar[tuple[str, ...]] = ("model", "removed", "download")

    model = Unicode(help="Name of the model that is chosen, empty for none.")
    state = Unicode(help="Where the chosen model stands: `unloaded`, `loading`, `ready`, …")
    load_options = Dict(help="What models are loaded with, such as `context_length` and `slots`.")

    def __init__(
        self,
        model: str = "",
        *,
        options: dict[str, Any] | None = None,
        client: Client | None = None,
    ) -> None:
        self._models: dict[str, ListedModel] = {}
        self._rows: dict[str, DownloadRow] = {}
        self._adding = threading.Lock()
        self._hub = HubSearch(search=self.search, choose=self._list_files, download=self.download)
        self._menu = ModelMenu(empty="choose a model")
        self._load, self._unload = _button("Load"), _button("Unload")
        self._loading = FloatProgress(max=1.0, tooltip="Progress of the load")
        self._said = Label()
        self._downloads = VBox()
        super().__init__(client)
        self.load_options = options or {}
        self._load.on_click(lambda _: self.load())
        self._unload.on_click(lambda _: self.unload())
        self._menu.observe(lambda change: setattr(self, "model", change["new"]), "model")
        self.observe(self._on_model, "model")
        row = Layout(flex_flow="row wrap", align_items="center")
        self._assemble(
            HBox([self._menu, self._load, self._unload, self._loading], layout=row),
            self._said,
            self._hub,
            self._downloads,
        )
        self.model = model

    @property
    def models(self) -> tuple[ListedModel, ...]:
        """The models of the server, as they are known here."""
        return tuple(self._models.values())

    @property
    def downloads(self) -> tuple[Download, ...]:
        """The downloads that are shown, as far as they are known to be."""
        return tuple(row.download for row in self._rows.values())

    def refresh(self) -> None:
        """Ask the server for its models and downloads."""
        self._models = {listed.status.model.id: listed for listed in self.client.listing()}
        for download in self.client.downloads():
            if download.state in _UNFINISHED or download.id in self._rows:
                self._show_download(download)
        self._show()

    def search(self, text: str) -> None:
        """Look for `text` on the Hub, or for the files of `org/repo`, and show what is there."""
        self._fail("")
        if "/" in text:
            self._hub.show_repository(text)
            self._list_files(text)
        else:
            self._start(lambda: self._hub.show_found(self.client.search(text)))

    def download(self, name: str) -> None:
        """Begin to download `org/repo` or `org/repo:QUANTIZATION`, or go on with it."""
        self._change(lambda: self._add_download(self.client.pull(name)))

    def load(self) -> None:
        """Begin to load the model that is chosen."""
        if self.model:
            self._change(lambda: self.client.load(self.model, **self.load_options))

    def unload(self) -> None:
        """Unload the model that is chosen, or stop its load."""
        if self.model:
            self._change(lambda: self.client.unload(self.model))

    def _list_files(self, repo_id: str) -> None:
        self._start(lambda: self._hub.show_files(self.client.offers(repo_id)))

    def _cancel(self, download: Download) -> None:
        self._change(self.client.cancel, download.id)

    def _resume(self, download: Download) -> None:
        name = f"{download.repo_id}:{download.filenames[0]}" if download.filenames else ""
        self.download(name or download.repo_id)

    def _on_events(self, events: Sequence[Event]) -> None:
        has_changed = any(event.kind == "removed" for event in events)
        for download in {e.data.id: e.data for e in events if e.kind == "download"}.values():
            self._show_download(download)
            has_changed |= download.state is DownloadState.DONE
        statuses = [event.data for event in events if event.kind == "model"]
        if has_changed or any(status.model.id not in self._models for status in statuses):
            self.refresh()
        else:
            self._note(statuses)

    def _note(self, statuses: Sequence[ModelStatus]) -> None:
        for status in statuses:
            before = self._models[status.model.id]
            self._models[status.model.id] = ListedModel(
                status=status,
                estimate=before.estimate,
                fit=before.fit,
                unavailable=before.unavailable,
            )
        if statuses:
            self._show()

    def _show_download(self, download: Download) -> None:
        if download.state is DownloadState.DISMISSED:
            self._drop_download(download)
        else:
            self._add_download(download)
            self._rows[download.id].show(download)

    def _drop_download(self, download: Download) -> None:
        with self._adding:
            row = self._rows.pop(download.id, None)
            self._downloads.children = tuple(
                each for each in self._downloads.children if each is not row
            )

    def _add_download(self, download: Download) -> None:
        """Give a download its row, unless it has one: events may be ahead of an answer."""
        with self._adding:
            if download.id not in self._rows:
                row = DownloadRow(download, cancel=self._cancel, resume=self._resume)
                self._rows[download.id] = row
                self._downloads.children = (*self._downloads.children, row)

    def _on_model(self, change: dict[str, Any]) -> None:
        self._menu.model = change["new"]
        self._show()

    def _show(self) -> None:
        listed = self._models.get(self.model)
        status = listed.status if listed else None
        # before anybody can see it in the menu: a cell may read it then
        self.state = status.state.value if status else ""
        self._menu.show(listed.status for listed in self._models.values())
        is_in_memory = status is not None and status.state in _IN_MEMORY
        self._load.disabled = not self.model or is_in_memory
        self._unload.disabled = not is_in_memory
        is_loading = status is not None and status.state is ModelState.LOADING
        self._loading.layout.display = "" if is_loading else "none"
        self._loading.value = status.progress if status else 0.0
        self._said.value = _line(listed) if listed else ""

    def _text(self) -> str:
        table = models_table(self.models).text()
        running = [f"{row.download.repo_id}: {said(row.download)}" for row in self._rows.values()]
        chosen = [f"Chosen: {self.model}"] if self.model else []
        return "\n".join([table, *running, *chosen])


def _button(description: str) -> Button:
    return Button(
        description=description,
        tooltip=f"{description} the model that is chosen",
        disabled=True,
        layout=Layout(width="auto"),
    )


def _line(listed: ListedModel) -> str:
    """What is to be known of the model that is chosen."""
    status = listed.status
    is_there = status.memory.total_bytes > 0
    memory = status.memory.total_bytes or listed.estimate.total_bytes
    parts = [state(status), status.model.quantization]
    parts.append(f"{size(memory)} {'in memory' if is_there else 'needed'}" if memory else "")
    parts.append(listed.unavailable or ("" if is_there else listed.fit))
    return " · ".join(part for part in parts if part)
