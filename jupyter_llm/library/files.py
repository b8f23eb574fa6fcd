"""Model files in a directory: which there are, and which belong together."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from jupyter_llm.errors import ModelFileError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

GGUF = ".gguf"
SAFETENSORS = ".safetensors"
CONFIG = "config.json"
ADAPTER_CONFIG = "adapter_config.json"

BESIDE_WEIGHTS = frozenset(
    {
        CONFIG,
        ADAPTER_CONFIG,
        "README.md",
        "chat_template.jinja",
        "chat_template.json",
        "model.safetensors.index.json",
        "modules.json",
        "tokenizer_config.json",
    }
)
"""What a folder of safetensors has besides, as far as it is read here."""

_PART = re.compile(r"(?P<stem>.+)-(?P<number>\d{5})-of-(?P<count>\d{5})\.gguf", re.IGNORECASE)


class FoundFile(NamedTuple):
    """A file and what changes when it does: path, bytes, time of change (ns), inode."""

    path: str
    size_bytes: int
    mtime_ns: int
    inode: int

    @property
    def name(self) -> str:
        """The last part of its path."""
        return os.path.basename(self.path)  # noqa: PTH119 - five hundred times a request


@dataclass(frozen=True, kw_only=True, slots=True)
class GGUFFiles:
    """The files of one model: one, or the parts of a split one in their order.

    `stem` is the common name without number and suffix; `num_parts` is how many
    parts the names speak of, which may be more than there are.
    """

    stem: str
    files: tuple[FoundFile, ...]
    num_parts: int = 1

    @property
    def path(self) -> str:
        """The file that an engine is given."""
        return self.files[0].path

    @property
    def size_bytes(self) -> int:
        """All parts together."""
        return sum(file.size_bytes for file in self.files)

    def check_complete(self) -> None:
        """See that no part is missing.

        Raises:
            ModelFileError: One is.
        """
        if len(self.files) != self.num_parts:
            raise ModelFileError(
                f"{self.stem} is split into {self.num_parts} files, and only {len(self.files)} "
                "of them are here. Download the others."
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelFolder:
    """A folder with weights in safetensors and what describes them."""

    path: str
    files: tuple[FoundFile, ...]

    @property
    def stem(self) -> str:
        """The folder's name."""
        return os.path.basename(self.path)  # noqa: PTH119 - as above

    @property
    def weights(self) -> tuple[FoundFile, ...]:
        """The safetensors files."""
        return tuple(file for file in self.files if file.name.lower().endswith(SAFETENSORS))

    @property
    def others(self) -> Mapping[str, FoundFile]:
        """The other files by name."""
        return {file.name: file for file in self.files if file.name in BESIDE_WEIGHTS}


Files = GGUFFiles | ModelFolder


def find_models(root: Path, *, own: Path | None = None, is_deep: bool = True) -> Iterator[Files]:
    """The models in `root` and, if `is_deep`, below it; none where there is no such directory.

    Hidden files and folders are left out, and so are links that lead out of `own`, which
    is `root` itself unless said otherwise.
    """
    own = (own or root).resolve()
    for entries in _folders(root, is_deep=is_deep):
        ggufs = (_found(entry, own) for entry in entries if _has_suffix(entry, GGUF))
        yield from group_parts(file for file in ggufs if file)
        if folder := _model_folder(entries, own):
            yield folder


def group_parts(files: Iterable[FoundFile]) -> list[GGUFFiles]:
    """Put the parts of split models together; parts lie in one folder."""
    groups: dict[tuple[str, str, int], list[FoundFile]] = {}
    for file in sorted(files):
        folder, name = os.path.split(file.path)
        part = _PART.fullmatch(name)
        stem = part["stem"] if part else name[: -len(GGUF)]
        groups.setdefault((folder, stem, int(part["count"]) if part else 1), []).append(file)
    return [
        GGUFFiles(stem=stem, files=tuple(parts), num_parts=count)
        for (_, stem, count), parts in groups.items()
    ]


def _folders(root: Path, *, is_deep: bool) -> Iterator[Sequence[os.DirEntry[str]]]:
    """The visible entries of each folder, a folder before its subfolders."""
    waiting = [str(root)]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as found:
                entries = sorted(
                    (entry for entry in found if not entry.name.startswith(".")),
                    key=lambda entry: entry.name,
                )
        except OSError:
            continue  # what is not there or may not be read offers no models
        yield entries
        if is_deep:
            waiting += [e.path for e in reversed(entries) if e.is_dir(follow_symlinks=False)]


def _model_folder(entries: Sequence[os.DirEntry[str]], own: Path) -> ModelFolder | None:
    names = {entry.name for entry in entries}
    has_weights = any(_has_suffix(entry, SAFETENSORS) for entry in entries)
    if not has_weights or names.isdisjoint({CONFIG, ADAPTER_CONFIG}):
        return None
    wanted = (e for e in entries if _has_suffix(e, SAFETENSORS) or e.name in BESIDE_WEIGHTS)
    files = tuple(file for entry in wanted if (file := _found(entry, own)))
    if not any(file.name.lower().endswith(SAFETENSORS) for file in files):
        return None
    return ModelFolder(path=os.path.dirname(files[0].path), files=files)  # noqa: PTH120


def _has_suffix(entry: os.DirEntry[str], suffix: str) -> bool:
    return entry.name.lower().endswith(suffix)


def _found(entry: os.DirEntry[str], own: Path) -> FoundFile | None:
    """The file, if it is a plain one (a pipe would never end) that lies in `own`."""
    try:
        info = entry.stat()
        is_own = not entry.is_symlink() or Path(entry.path).resolve().is_relative_to(own)
    except (OSError, RuntimeError):  # Python 3.11 has the latter for links in a circle
        return None
    if not stat.S_ISREG(info.st_mode) or not is_own:
        return None
    return FoundFile(entry.path, info.st_size, info.st_mtime_ns, info.st_ino)
