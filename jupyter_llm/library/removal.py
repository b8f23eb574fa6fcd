"""Takes the files of a model from the disk, and nothing else."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from jupyter_llm.errors import InvalidRequestError
from jupyter_llm.guide import GUIDE_PATH
from jupyter_llm.library.files import GGUFFiles, find_models
from jupyter_llm.types import ModelSource

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jupyter_llm.types import Model

_OF_A_FOLDER = frozenset(
    {
        "added_tokens.json",
        "generation_config.json",
        "merges.txt",
        "preprocessor_config.json",
        "special_tokens_map.json",
        "tokenizer.json",
        "tokenizer.model",
        "vocab.json",
        "vocab.txt",
    }
)
"""What belongs to a folder of safetensors and is not read here."""


def check_removable(
    model: Model, models_dirs: Sequence[str], shared_dirs: Sequence[str] = ()
) -> Path:
    """See that the model is this server's own to delete; returns its folder, without links.

    Raises:
        InvalidRequestError: It is built in, or does not lie below `models_dirs`, or lies in
            one of `shared_dirs` there.
    """
    path = Path(model.path)
    if model.source is ModelSource.REMOTE:
        raise InvalidRequestError(
            f"{model.id} runs elsewhere. Take it out of LLMExtension.remotes.", param="id"
        )
    if model.source is ModelSource.BUILT_IN or path.resolve() == GUIDE_PATH.resolve():
        raise InvalidRequestError(f"{model.id} is built in and stays.", param="id")
    # a link is deleted itself, wherever it leads: its folder is what counts
    folder = path.resolve() if path.is_dir() else path.parent.resolve()
    own, shared = _resolved(models_dirs), _resolved(shared_dirs)
    around = [root for root in own | shared if folder.is_relative_to(root)]
    nearest = max(around, key=lambda root: len(root.parts), default=None)
    if model.source is not ModelSource.MODELS_DIR or nearest not in own - shared:
        raise InvalidRequestError(
            f"{path} is not below models_dir, and nothing else is deleted from here. Ask whoever "
            "keeps it, or delete it by hand.",
            param="id",
        )
    return folder


def remove_files(model: Model, models_dirs: Sequence[str], shared_dirs: Sequence[str] = ()) -> int:
    """Delete the model's files, all parts of a split one, and the folders that become empty.

    A link is deleted, not what it points to. Returns the bytes that the files had.

    Raises:
        InvalidRequestError: It may not be deleted, is gone, or the disk refuses.
    """
    folder = check_removable(model, models_dirs, shared_dirs)
    paths = _files_of(model, folder)
    try:
        num_bytes = sum(path.lstat().st_size for path in paths)
        for path in paths:
            path.unlink()
    except OSError as error:
        raise InvalidRequestError(
            f"{error.filename} cannot be deleted ({error.strerror}). Its owner can.", param="id"
        ) from error
    _remove_empty(folder, _resolved(models_dirs))
    return num_bytes


def _resolved(folders: Sequence[str]) -> set[Path]:
    return {Path(folder).expanduser().resolve() for folder in folders}


def _files_of(model: Model, folder: Path) -> list[Path]:
    """The model's files in its folder."""
    name = Path(model.path).name
    for found in find_models(folder, own=Path(folder.anchor), is_deep=False):
        names = [file.name for file in found.files]
        if isinstance(found, GGUFFiles) and name in names:
            return [folder / each for each in names]
        if not isinstance(found, GGUFFiles) and found.stem == folder.name == name:
            besides = [each for each in _OF_A_FOLDER if (folder / each).is_file()]
            return [folder / each for each in (*names, *besides)]
    raise InvalidRequestError(f"{model.path} is not there any more.", param="id")


def _remove_empty(folder: Path, roots: set[Path]) -> None:
    """Remove the folder and those above it, below the roots, as long as they are empty."""
    # one that is not empty refuses
    with suppress(OSError):
        while folder not in roots:
            folder.rmdir()
            folder = folder.parent
