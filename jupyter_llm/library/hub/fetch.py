"""The files of one download, fetched one after the other in a thread."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from jupyter_llm.errors import DownloadError, LLMError
from jupyter_llm.library.hub import repo
from jupyter_llm.library.hub.job import FOLDER
from jupyter_llm.library.hub.speed import Speed
from jupyter_llm.library.hub.stop import Stop
from jupyter_llm.library.hub.transfer import CancelledByUserError, RetryPolicy, Source, Transfer
from jupyter_llm.types import DownloadState

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from jupyter_llm.library.hub.job import Job

try:
    import fcntl
except ImportError:  # Windows: two servers that share a folder there are their owner's affair
    fcntl = None  # type: ignore[assignment]


class Outcome(NamedTuple):
    """How a fetch ended, and why if it failed."""

    state: DownloadState
    error: str = ""


class Fetch:
    """Runs one job; `done_bytes` and `speed` may be read meanwhile from another thread."""

    def __init__(self, job: Job, models_dir: Path, policy: RetryPolicy | None = None) -> None:
        self.done_bytes = 0
        self.speed = Speed(0)
        self._job = job
        self._models_dir = models_dir
        self._policy = policy or RetryPolicy()
        self._stop = Stop()
        self._state_when_stopped = DownloadState.CANCELLED

    def cancel(self) -> None:
        """Stop at once; the download is cancelled."""
        self._stop.set()

    def pause(self) -> None:
        """Stop at once; the next server goes on."""
        self._state_when_stopped = DownloadState.QUEUED
        self._stop.set()

    def run(self) -> Outcome:
        """Fetch what is missing; never raises."""
        try:
            with self._locked():
                self.done_bytes = self._job.done_bytes(self._models_dir)
                self.speed = Speed(self.done_bytes)
                self._fetch_all()
        except CancelledByUserError:
            return Outcome(self._state_when_stopped)
        except LLMError as error:
            return Outcome(DownloadState.FAILED, error.message)
        except OSError as error:
            return Outcome(DownloadState.FAILED, f"Writing to {self._models_dir} failed: {error}")
        return Outcome(DownloadState.DONE)

    def discard(self) -> None:
        """Delete what has come of files that are not whole.

        Raises:
            DownloadError: Another server fetches them, or the disk refuses.
        """
        try:
            with self._locked():
                for file in self._job.files:
                    part = self._job.part(self._models_dir, file)
                    part.unlink(missing_ok=True)
                    _remove_empty(part.parent, self._models_dir)
        except OSError as error:
            raise DownloadError(f"What has come cannot be deleted: {error}") from error

    def _fetch_all(self) -> None:
        job, headers = self._job, repo.request_headers()
        before = 0
        for file in job.files:
            url = repo.file_url(job.repo_id, job.revision, file.path)
            Transfer(
                Source(file, url, headers),
                job.target(self._models_dir, file),
                policy=self._policy,
                stop=self._stop,
                on_bytes=partial(self._note, before),
            ).run()
            before += file.size_bytes

    def _note(self, bytes_before: int, bytes_of_file: int) -> None:
        self.done_bytes = bytes_before + bytes_of_file
        self.speed.note(self.done_bytes)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Keep other servers away that share the folder; the lock dies with this process."""
        path = self._models_dir / FOLDER / f"{self._job.id}.lock"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w") as lock:
            try:
                if fcntl:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise DownloadError(
                    "Another server that shares this folder downloads it already."
                ) from None
            yield


def _remove_empty(folder: Path, root: Path) -> None:
    """Remove the folder and those above it, below the root, as long as they are empty."""
    # one that is not empty refuses
    with suppress(OSError):
        while folder != root:
            folder.rmdir()
            folder = folder.parent
