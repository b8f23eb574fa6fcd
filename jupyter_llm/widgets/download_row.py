"""One download of the model picker: how far it is, and the buttons to stop it and go on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ipywidgets import Button, FloatProgress, HBox, Label, Layout

from jupyter_llm.client.pulling import progress_text
from jupyter_llm.types import DownloadState

if TYPE_CHECKING:
    from collections.abc import Callable

    from jupyter_llm.types import Download

_STYLES = {DownloadState.DONE: "success", DownloadState.FAILED: "danger"}
_UNFINISHED = {DownloadState.QUEUED, DownloadState.RUNNING}


class DownloadRow(HBox):
    """Shows one download.

    Args:
        download: How far it is at first.
        cancel: Is called with it when somebody wants it stopped.
        resume: Is called with it when somebody wants it to go on.
    """

    def __init__(
        self,
        download: Download,
        *,
        cancel: Callable[[Download], Any],
        resume: Callable[[Download], Any],
    ) -> None:
        name = download.repo_id
        self.bar = FloatProgress(
            max=1.0,
            description=name.rpartition("/")[2],
            tooltip=f"Download of {name}",
            style={"description_width": "initial"},
        )
        self.text = Label()
        self.stop = Button(
            description="Cancel",
            tooltip=f"Cancel: {name}",
            layout=Layout(width="auto"),
        )
        self.go_on = Button(
            description="Resume",
            tooltip=f"Resume: {name}",
            layout=Layout(width="auto"),
        )
        self.stop.on_click(lambda _: cancel(self.download))
        self.go_on.on_click(lambda _: resume(self.download))
        super().__init__(
            [self.bar, self.text, self.stop, self.go_on],
            layout=Layout(flex_flow="row wrap", align_items="center"),
        )
        self.show(download)

    def show(self, download: Download) -> None:
        """Show how far it is now."""
        self.download = download
        size = download.size_bytes
        self.bar.value = download.done_bytes / size if size else 0.0
        self.bar.bar_style = _STYLES.get(download.state, "")
        self.text.value = said(download)
        is_running = download.state in _UNFINISHED
        self.stop.layout.display = "" if is_running else "none"
        is_over = is_running or download.state is DownloadState.DONE
        self.go_on.layout.display = "none" if is_over else ""


def said(download: Download) -> str:
    """How far a download is, or how it ended, in a line."""
    if download.state is DownloadState.FAILED:
        return f"failed: {download.error}"
    if download.state is DownloadState.CANCELLED:
        return f"cancelled · {progress_text(download)}"
    return "done" if download.state is DownloadState.DONE else progress_text(download)
