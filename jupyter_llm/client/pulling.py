"""Models that come from the Hub, told to people: how far, how fast, what there is."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from jupyter_llm.client.tables import Table, size
from jupyter_llm.errors import DownloadError
from jupyter_llm.types import DownloadState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from jupyter_llm.client import Client
    from jupyter_llm.types import Download

POLL_INTERVAL_S = 0.5

PULL_NAME = "org/repo takes what suits this machine, org/repo:Q4_K_M that quantization"
SEARCH_TEXT = "words to look for, or org/repo to see what it has and what of it fits"

_MINUTE_S, _HOUR_S = 60, 3600
_BAR_LENGTH = 24
_UNFINISHED = {DownloadState.QUEUED, DownloadState.RUNNING}


def followed(client: Client, download: Download) -> Iterator[Download]:
    """The download again and again, until it is done.

    Raises:
        DownloadError: It failed or was cancelled.
    """
    while download.state in _UNFINISHED:
        yield download
        time.sleep(POLL_INTERVAL_S)
        download = client.download(download.id)
    if download.state is not DownloadState.DONE:
        raise DownloadError(
            download.error or f"The download of {download.repo_id} was {download.state}."
        )
    yield download


def progress_line(download: Download) -> str:
    """One line: bar, share, bytes, speed and the time that is left."""
    share = download.done_bytes / download.size_bytes if download.size_bytes else 1.0
    bar = "#" * round(share * _BAR_LENGTH)
    return f"[{bar:.<{_BAR_LENGTH}}] {share:.0%} · {progress_text(download)}"


def progress_text(download: Download) -> str:
    """The same without the bar, for who draws one."""
    parts = [f"{size(download.done_bytes)} of {size(download.size_bytes)}"]
    if download.state is DownloadState.QUEUED:
        parts.append("waits for its turn")
    if download.bytes_per_s and download.state is DownloadState.RUNNING:
        parts.append(f"{size(round(download.bytes_per_s))}/s")
        if download.eta_s is not None:
            parts.append(f"{_duration(download.eta_s)} left")
    return " · ".join(parts)


def found(client: Client, text: str) -> Table:
    """What the Hub has of this name: repositories, or the files of `org/repo`."""
    if "/" in text:
        return offers_table(client.offers(text))
    return found_table(client.search(text))


def found_table(models: Sequence[dict[str, Any]]) -> Table:
    """What a search on the Hub has found."""
    return Table(
        headers=("model", "licence", "downloads", "likes", "access"),
        rows=[
            (
                item["id"],
                item["licence"] or "-",
                str(item["downloads"]),
                str(item["likes"]),
                "gated" if item["gated"] else "open",
            )
            for item in models
        ],
        empty="The Hub has no GGUF model of that name.",
    )


def offers_table(files: Sequence[dict[str, Any]]) -> Table:
    """What a repository has, and whether that fits the server's machine."""
    return Table(
        headers=("quantization", "size", "on this machine", "file"),
        rows=[
            (item["quantization"] or "-", size(item["size_bytes"]), item["fit"], item["name"])
            for item in files
        ],
        empty="This repository has no GGUF files. Look for one whose name ends with -GGUF.",
    )


def follow(client: Client, name: str, show: Callable[[str], None]) -> Download:
    """Pull a model and show how far it is; an interrupt leaves the download to the server.

    Raises:
        LLMError: What `Client.pull` raises, or the download failed.
    """
    download = client.pull(name)
    try:
        for step in followed(client, download):
            download = step
            show(progress_line(step))
    except KeyboardInterrupt as interrupt:
        interrupt.add_note(f"The server goes on with the download: pull {name} again to watch it.")
        raise
    return download


def _duration(seconds: float) -> str:
    if seconds < _MINUTE_S:
        return f"{seconds:.0f} s"
    if seconds < _HOUR_S:
        return f"{seconds / _MINUTE_S:.0f} min"
    return f"{seconds / _HOUR_S:.1f} h"
