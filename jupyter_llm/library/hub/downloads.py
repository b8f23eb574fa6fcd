"""The downloads of one server: begun by anybody, outliving tabs and restarts."""

from __future__ import annotations

import asyncio
import logging
import shutil
from contextlib import suppress
from dataclasses import replace
from tempfile import TemporaryFile
from typing import TYPE_CHECKING

import msgspec

from jupyter_llm.errors import (
    DownloadError,
    InsufficientDiskError,
    ModelNotFoundError,
    RegistryError,
)
from jupyter_llm.library.hub import job as jobs
from jupyter_llm.types import DownloadState

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from jupyter_llm.library.hub.fetch import Fetch
    from jupyter_llm.library.hub.job import Job, JobRecords
    from jupyter_llm.library.hub.repo import HubFile, HubRepo
    from jupyter_llm.library.hub.transfer import RetryPolicy
    from jupyter_llm.types import Download

_MARGIN_BYTES = 64 << 20
_TELL_EVERY_S = 0.5
_STOP_TIMEOUT_S = 5.0
_UNFINISHED = {DownloadState.QUEUED, DownloadState.RUNNING}

log = logging.getLogger(__name__)


class Downloads:
    """Fetches files from the Hub into `models_dir`, `max_parallel` downloads at a time.

    `records` keeps where they stand; while it fails, downloads go on all the same, but are not
    gone on with by the next server. `on_event` is called on the event loop with every change,
    and twice a second while bytes come.
    """

    def __init__(
        self,
        models_dir: Path,
        *,
        records: JobRecords,
        on_event: Callable[[Download], None],
        max_parallel: int = 2,
        policy: RetryPolicy | None = None,
    ) -> None:
        self._models_dir = models_dir
        self._records = records
        self._on_event = on_event
        self._policy = policy
        self._turns = asyncio.Semaphore(max_parallel)
        self._jobs: dict[str, Job] = {}
        self._fetches: dict[str, Fetch] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def start(self) -> None:
        """Go on with what an earlier server had begun."""
        try:
            found = list(jobs.as_jobs(await self._records.all()))
            found += await self._imported({job.id for job in found})
        except (RegistryError, OSError) as error:
            log.warning("Earlier downloads are not known: %s", error)
            return
        for job in found:
            if job.id not in self._jobs:
                self._jobs[job.id] = job
                if job.state in _UNFINISHED:
                    self._run(job)

    async def stop(self) -> None:
        """Stop all, to be gone on with by the next server; bounded in time."""
        for fetch in self._fetches.values():
            fetch.pause()
        if self._tasks:
            await asyncio.wait(self._tasks.values(), timeout=_STOP_TIMEOUT_S)

    def all(self) -> tuple[Download, ...]:
        """Every download that is known, by id."""
        return tuple(self.get(job_id) for job_id in sorted(self._jobs))

    def get(self, download_id: str) -> Download:
        """One download.

        Raises:
            ModelNotFoundError: There is none of this id.
        """
        job = self._job(download_id)
        fetch = self._fetches.get(download_id)
        if fetch is None:
            done = job.size_bytes if job.state is DownloadState.DONE else 0
            return job.as_download(self._models_dir, done)
        return replace(
            job.as_download(self._models_dir, fetch.done_bytes),
            bytes_per_s=fetch.speed.bytes_per_s,
            eta_s=fetch.speed.eta_s(job.size_bytes - fetch.done_bytes),
        )

    async def begin(self, repo: HubRepo, files: Sequence[HubFile]) -> Download:
        """Download these files, or go on with it; returns at once.

        Raises:
            InsufficientDiskError: They would not fit on the disk.
            InvalidRequestError: A file's name cannot be stored.
            DownloadError: The folder of the models cannot be written.
        """
        job = jobs.new_job(repo, files)
        if job.id not in self._tasks:
            await self._check_disk(job)
            await self._keep(job)
        # somebody else may have begun it meanwhile
        if job.id not in self._tasks:
            self._run(job)
        return self.get(job.id)

    async def cancel(self, download_id: str) -> Download:
        """Stop a download; what has come stays, and `begin` goes on from there.

        Raises:
            ModelNotFoundError: There is none of this id.
        """
        job = self._job(download_id)
        if fetch := self._fetches.get(download_id):
            fetch.cancel()
        if task := self._tasks.get(download_id):
            await asyncio.wait({task}, timeout=_STOP_TIMEOUT_S)
        elif job.state is not DownloadState.DONE:
            await self._keep(msgspec.structs.replace(job, state=DownloadState.CANCELLED))
        return self.get(download_id)

    async def dismiss(self, download_id: str) -> Download:
        """Stop a download, delete what has come of files that are not whole, and forget it.

        Raises:
            DownloadError: It does not stop, another server has it, or the disk refuses.
            ModelNotFoundError: There is none of this id.
            RegistryError: It cannot be forgotten now.
        """
        from jupyter_llm.library.hub.fetch import Fetch

        await self.cancel(download_id)
        job = self._job(download_id)
        if job.id in self._tasks:
            raise DownloadError("The download has not stopped yet. Try again in a moment.")
        await asyncio.to_thread(Fetch(job, self._models_dir).discard)
        await self._records.remove(job.id)
        self._jobs.pop(job.id, None)
        dismissed = msgspec.structs.replace(job, state=DownloadState.DISMISSED)
        download = dismissed.as_download(self._models_dir, 0)
        self._on_event(download)
        return download

    async def wait(self, download_id: str) -> Download:
        """The download when it is done; a caller that leaves does not stop it.

        Raises:
            DownloadError: It failed or was cancelled.
            ModelNotFoundError: There is none of this id.
        """
        self._job(download_id)
        if task := self._tasks.get(download_id):
            await asyncio.shield(task)
        download = self.get(download_id)
        if download.state is DownloadState.DONE:
            return download
        reason = download.error or f"The download of {download.repo_id} was {download.state}."
        raise DownloadError(reason)

    async def forget(self, path: Path) -> None:
        """Know nothing more of downloads whose model, at this path, was deleted.

        Raises:
            RegistryError: It cannot be forgotten now.
        """
        for job in tuple(self._jobs.values()):
            target = job.target(self._models_dir, job.files[0]).absolute()
            if path in (target, *target.parents) and job.id not in self._tasks:
                del self._jobs[job.id]
                await self._records.remove(job.id)

    async def _imported(self, known: set[str]) -> list[Job]:
        """The jobs that an earlier version kept in files, which are then removed."""
        files = await asyncio.to_thread(lambda: list(jobs.read_files(self._models_dir)))
        found = [(path, job) for path, job in files if job.id not in known]
        for _, job in found:
            await self._records.save(jobs.as_record(job))
        for path, _ in files:
            # another user's file stays where it is, and is known by its id from now on
            with suppress(OSError):
                await asyncio.to_thread(path.unlink, missing_ok=True)
        return [job for _, job in found]

    def _job(self, download_id: str) -> Job:
        try:
            return self._jobs[download_id]
        except KeyError:
            raise ModelNotFoundError(f"There is no download {download_id!r}.", param="id") from None

    def _run(self, job: Job) -> None:
        # here, for no server starts with a download
        from jupyter_llm.library.hub.fetch import Fetch

        self._fetches[job.id] = Fetch(job, self._models_dir, self._policy)
        task = asyncio.create_task(self._follow(job), name=f"download {job.id}")
        self._tasks[job.id] = task
        task.add_done_callback(lambda _: self._tasks.pop(job.id, None))

    async def _follow(self, job: Job) -> None:
        """Fetch in a thread, in turn, and tell how it goes."""
        fetch = self._fetches[job.id]
        telling = asyncio.create_task(self._tell_progress(job.id))
        try:
            async with self._turns:
                await self._keep(msgspec.structs.replace(job, state=DownloadState.RUNNING))
                outcome = await asyncio.to_thread(fetch.run)
        finally:
            telling.cancel()
        self._fetches.pop(job.id)
        await self._keep(msgspec.structs.replace(job, state=outcome.state, error=outcome.error))

    async def _tell_progress(self, job_id: str) -> None:
        while True:
            await asyncio.sleep(_TELL_EVERY_S)
            self._on_event(self.get(job_id))

    async def _keep(self, job: Job) -> None:
        try:
            await self._records.save(jobs.as_record(job))
        except RegistryError as error:
            log.warning("A restarted server will not know of this download: %s", error)
        self._jobs[job.id] = job
        self._on_event(self.get(job.id))

    async def _check_disk(self, job: Job) -> None:
        try:
            missing, free = await asyncio.to_thread(_space, job, self._models_dir)
        except OSError as error:
            raise DownloadError(
                f"{self._models_dir} cannot be written ({error}). Set c.LLMExtension.models_dir "
                "to a folder that can."
            ) from error
        if missing + _MARGIN_BYTES > free:
            raise InsufficientDiskError(
                f"{job.repo_id} needs {missing / 2**30:.2f} GiB more on the disk of "
                f"{self._models_dir}, and {free / 2**30:.2f} GiB is free. Delete a model, or set "
                "c.LLMExtension.models_dir to another disk."
            )


def _space(job: Job, models_dir: Path) -> tuple[int, int]:
    """Bytes that are missing, and bytes that are free.

    Raises:
        OSError: The folder cannot be written.
    """
    (models_dir / jobs.FOLDER).mkdir(parents=True, exist_ok=True)
    with TemporaryFile(dir=models_dir):
        pass
    return job.size_bytes - job.done_bytes(models_dir), shutil.disk_usage(models_dir).free
