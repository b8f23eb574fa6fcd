"""One look at the disk: which models, adapters and projectors are there, under which ids.

It runs in a thread and changes nothing: what one look has learnt of the files is given to
the next one, which reads only those that have changed.
"""

from __future__ import annotations

import logging
import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, count
from pathlib import Path

from jupyter_llm.errors import ModelFileError
from jupyter_llm.library.describe import describe_gguf
from jupyter_llm.library.entry import Entry, Known, Root, Scan
from jupyter_llm.library.facts import Described, DescribedModel, Projector
from jupyter_llm.library.files import Files, FoundFile, ModelFolder, find_models
from jupyter_llm.library.folder import describe_folder
from jupyter_llm.library.hf_cache import cached_models
from jupyter_llm.library.projectors import projector_for
from jupyter_llm.types import Adapter, Model, ModelSource

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Found:
    """Files, where they were found, and the names they may have, the shortest first."""

    files: Files
    source: ModelSource
    names: tuple[str, ...]


def scan(roots: Sequence[Root], first: Sequence[Entry], before: Known) -> Scan:
    """Look below `roots`; `first` are entries that need no file, `before` what is known of files.

    Where two have the same name, the one of the earlier root has it alone, and the other
    one gets its folder in front.
    """
    found = _distinct(each for root in roots for each in _found_in(root))
    known = {
        each.files.files: before[each.files.files]
        if each.files.files in before
        else _read(each.files)
        for each in found
    }
    projectors: dict[str, list[Projector]] = defaultdict(list)
    for held in known.values():
        if isinstance(held, Projector):
            projectors[os.path.dirname(held.path)].append(held)  # noqa: PTH120
    entries = {entry.item.id: entry for entry in first}
    for each in found:
        spares = (f"{each.names[-1]} ({number})" for number in count(2))
        name = next(name for name in chain(each.names, spares) if name not in entries)
        entries[name] = _entry(name, each, known[each.files.files], projectors)
    return Scan(entries=entries, known=known)


def _found_in(root: Root) -> Iterator[_Found]:
    if root.source is ModelSource.HF_CACHE:
        for repo_id, snapshot, files in cached_models(root.path):
            is_repo = files.path == str(snapshot)
            names = (repo_id if is_repo else files.stem, f"{repo_id}/{files.stem}")
            yield _Found(files=files, source=root.source, names=_names(*names, files=files))
        return
    if root.source in (ModelSource.PATH, ModelSource.BUILT_IN):
        folder = root.path if root.path.is_dir() else root.path.parent
        # named by the operator: it may be a link to anywhere
        named = find_models(folder, own=Path(folder.anchor), is_deep=False)
        found = [files for files in named if _holds(files, str(root.path))]
    else:
        folder, found = root.path, list(find_models(root.path))
    for files in found:
        near = os.path.relpath(os.path.dirname(files.files[0].path), folder.parent)  # noqa: PTH120
        names = (files.stem, near if isinstance(files, ModelFolder) else f"{near}/{files.stem}")
        yield _Found(files=files, source=root.source, names=_names(*names, files=files))


def _names(*names: str, files: Files) -> tuple[str, ...]:
    return tuple(_printable(name) for name in (*names, files.path, files.files[0].path))


def _holds(files: Files, path: str) -> bool:
    return path == files.path or any(file.path == path for file in files.files)


def _distinct(found: Iterator[_Found]) -> list[_Found]:
    """Each group of files once, though two roots may lead to it."""
    by_files: dict[frozenset[FoundFile], _Found] = {}
    for each in found:
        by_files.setdefault(frozenset(each.files.files), each)
    return list(by_files.values())


def _read(files: Files) -> Described | ModelFileError:
    try:
        return _described(files)
    except ModelFileError as error:
        log.warning("%s is not offered: %s", _printable(files.path), error)
        return error


def _described(files: Files) -> Described:
    if files.path != _printable(files.path):
        raise ModelFileError("Its name is not written in UTF-8. Rename it.")
    return describe_folder(files) if isinstance(files, ModelFolder) else describe_gguf(files)


def _entry(
    name: str,
    found: _Found,
    held: Described | ModelFileError,
    projectors: Mapping[str, Sequence[Projector]],
) -> Entry:
    paths = (found.files.path, *(file.path for file in found.files.files))
    error, item = "", Model(id=name, path=_printable(found.files.path), format="", engine="")
    match held:
        case DescribedModel(model=model):
            item = _with_projector(model, projector_for(held, projectors))
        case Adapter():
            return Entry(item=replace(held, id=name, source=found.source), paths=paths)
        case Projector():
            error = "The file is the image projector of another model, not a model."
        case ModelFileError():
            error = held.message
    return Entry(item=replace(item, id=name, source=found.source), paths=paths, error=error)


def _with_projector(model: Model, projector: Projector | None) -> Model:
    if projector is None:
        return model
    return replace(
        model,
        projector_path=projector.path,
        modalities=(*model.modalities, *projector.modalities),
    )


def _printable(text: str) -> str:
    """The text with what is no UTF-8 replaced: it goes into JSON and into logs."""
    return os.fsencode(text).decode(errors="replace")
