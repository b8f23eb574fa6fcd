"""A download as it is kept, so that a restarted server goes on with it."""

from __future__ import annotations

import logging
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from jupyter_llm.errors import InvalidRequestError
from jupyter_llm.library.hub.repo import HubFile
from jupyter_llm.types import Download, DownloadState

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from jupyter_llm.library.hub.repo import HubRepo

FOLDER = ".downloads"
"""For locks, beside the models, where every server that shares them finds it; hidden from the
catalogue. Once the jobs were here, too."""

log = logging.getLogger(__name__)


class JobRecords(Protocol):
    """Where jobs are kept: as records of plain values, which `as_record` and `as_jobs` know."""

    async def all(self) -> Sequence[Mapping[str, Any]]:
        """Every record that was saved and not removed."""
        ...

    async def save(self, record: Mapping[str, Any]) -> None:
        """Keep a record, in the place of an earlier one with its id."""
        ...

    async def remove(self, download_id: str) -> None:
        """Forget a record."""
        ...


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """What to fetch and where it stands; the bytes are in the files themselves."""

    id: str
    repo_id: str
    revision: str
    files: tuple[HubFile, ...]
    state: DownloadState
    error: str = ""

    @property
    def size_bytes(self) -> int:
        """All files together."""
        return sum(file.size_bytes for file in self.files)

    def target(self, models_dir: Path, file: HubFile) -> Path:
        """Where the file goes: a folder for each repository."""
        return models_dir.joinpath(*self.repo_id.split("/"), *PurePosixPath(file.path).parts)

    def part(self, models_dir: Path, file: HubFile) -> Path:
        """Where the file's bytes are until it is whole."""
        target = self.target(models_dir, file)
        return target.with_name(target.name + ".part")

    def done_bytes(self, models_dir: Path) -> int:
        """What is on the disk already."""
        return sum(_present_bytes(self.target(models_dir, file)) for file in self.files)

    def as_download(self, models_dir: Path, done_bytes: int) -> Download:
        """The job as others see it."""
        return Download(
            id=self.id,
            repo_id=self.repo_id,
            revision=self.revision,
            filenames=tuple(file.path for file in self.files),
            path=str(self.target(models_dir, self.files[0])),
            state=self.state,
            size_bytes=self.size_bytes,
            done_bytes=done_bytes,
            error=self.error,
        )


def new_job(repo: HubRepo, files: Sequence[HubFile]) -> Job:
    """A job for these files; the same files of a repository always have the same id.

    Raises:
        InvalidRequestError: A name would lead out of the repository's folder.
    """
    for name in (repo.id, *(file.path for file in files)):
        if not _stays_inside(name):
            raise InvalidRequestError(
                f"{name!r} is no name of a file that can be stored.", param="filename"
            )
    return Job(
        id="--".join([*repo.id.split("/"), files[0].path.replace("/", "--")]),
        repo_id=repo.id,
        revision=repo.revision,
        files=tuple(files),
        state=DownloadState.QUEUED,
    )


def as_record(job: Job) -> Mapping[str, Any]:
    """The job in plain values."""
    record: Mapping[str, Any] = msgspec.to_builtins(job)
    return record


def as_jobs(records: Iterable[Mapping[str, Any]]) -> Iterator[Job]:
    """The jobs that these records hold; one that is not understood is passed over."""
    for record in records:
        try:
            yield msgspec.convert(record, Job)
        except msgspec.ValidationError as error:
            log.warning("The download %s is not understood: %s", record.get("id"), error)


def read_files(models_dir: Path) -> Iterator[tuple[Path, Job]]:
    """The jobs that earlier versions kept in files; one that is damaged is passed over."""
    for path in sorted((models_dir / FOLDER).glob("*.json")):
        try:
            yield path, msgspec.json.decode(path.read_bytes(), type=Job)
        except msgspec.MsgspecError as error:
            log.warning("The download of %s is not known: it is damaged (%s).", path, error)


def _present_bytes(target: Path) -> int:
    for path in (target, target.with_name(target.name + ".part")):
        try:
            return path.stat().st_size
        except FileNotFoundError:
            continue
    return 0


def _stays_inside(name: str) -> bool:
    path = PurePosixPath(name)
    is_plain = not path.is_absolute() and "\\" not in name and "\0" not in name
    return is_plain and bool(path.parts) and not any(p.startswith(".") for p in path.parts)
