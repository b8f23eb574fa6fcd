"""Which models can be loaded here, by name."""

from __future__ import annotations

import asyncio
import difflib
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from jupyter_llm.errors import ModelFileError, ModelNotFoundError
from jupyter_llm.guide import GUIDE_PATH
from jupyter_llm.library.entry import Entry, Root, Scan
from jupyter_llm.types import Adapter, Model, ModelSource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    Others = Callable[[], Iterable[Model]]

ECHO = Model(
    id="echo",
    format="echo",
    engine="echo",
    context_length=8192,
    source=ModelSource.BUILT_IN,
)
"""The model that needs no file."""


class Unusable(NamedTuple):
    """Files that look like a model's and cannot be used, and why."""

    id: str
    path: str
    error: str


class Contents(NamedTuple):
    """What one look has found, as far as it may be used."""

    models: tuple[Model, ...]
    adapters: tuple[Adapter, ...]
    unusable: tuple[Unusable, ...]


class Catalogue:
    """The built-in models and those that lie where the operator says.

    Looked for in this order: `models_dirs`, `shared_dirs` (which nobody writes to from
    here), the cache of huggingface_hub at `hf_cache_dir` (empty for none), and the files
    that `paths` name. A file's header is read once, until the file changes.
    `allowed_models` holds the ids that may be used; `None` allows all. `others` gives further
    models that need no file; it is called in a thread.
    """

    def __init__(  # noqa: PLR0913 - the places are what an operator decides one by one
        self,
        models_dirs: Sequence[str],
        allowed_models: Sequence[str] | None,
        *,
        shared_dirs: Sequence[str] = (),
        hf_cache_dir: str = "",
        paths: Sequence[str] = (),
        others: Others = tuple,
    ) -> None:
        self._roots = (
            Root(path=GUIDE_PATH, source=ModelSource.BUILT_IN),
            *_roots(models_dirs, ModelSource.MODELS_DIR),
            *_roots(shared_dirs, ModelSource.SHARED),
            *_roots([hf_cache_dir] if hf_cache_dir else [], ModelSource.HF_CACHE),
            *_roots(paths, ModelSource.PATH),
        )
        self._allowed = None if allowed_models is None else frozenset(allowed_models)
        self._others = others
        self._scan = Scan()
        self._scanning = asyncio.Lock()
        self._num_begun = self._num_done = 0

    async def contents(self) -> Contents:
        """Everything at one look: models, adapters, and what cannot be used."""
        entries = (await self._look()).entries.values()
        allowed = [entry for entry in entries if self._allows(entry.item.id)]
        usable = [entry.item for entry in allowed if not entry.error]
        return Contents(
            models=tuple(item for item in usable if isinstance(item, Model)),
            adapters=tuple(item for item in usable if isinstance(item, Adapter)),
            unusable=tuple(Unusable(e.item.id, e.item.path, e.error) for e in allowed if e.error),
        )

    async def models(self) -> tuple[Model, ...]:
        """Everything that may be loaded and whose files are sound."""
        return (await self.contents()).models

    async def adapters(self) -> tuple[Adapter, ...]:
        """Every LoRA adapter that may be used and whose file is sound."""
        return (await self.contents()).adapters

    async def unusable(self) -> tuple[Unusable, ...]:
        """What looks like a model and cannot be used, and why."""
        return (await self.contents()).unusable

    async def resolve(self, name: str) -> Model:
        """The model of this id, file name, or path inside the folders of models.

        Raises:
            ModelNotFoundError: There is none, or it may not be used here.
            ModelFileError: Its files are damaged or incomplete.
        """
        entry = await self._entry(name, Model)
        if isinstance(entry.item, Adapter):
            raise ModelFileError(
                f"{entry.item.id}: The file is an adapter for another model, not a model.",
                param="model",
            )
        return entry.item

    async def resolve_adapter(self, name: str) -> Adapter:
        """The adapter of this id, file name, or path inside the folders of models.

        Raises:
            ModelNotFoundError: There is none, or it may not be used here.
            ModelFileError: Its files are damaged, or are a model's.
        """
        entry = await self._entry(name, Adapter)
        if isinstance(entry.item, Model):
            raise ModelFileError(
                f"{entry.item.id}: The file is a model, not an adapter for one.", param="adapters"
            )
        return entry.item

    async def _entry(self, name: str, kind: type[Model | Adapter]) -> Entry:
        word = kind.__name__.lower()
        param = "adapters" if kind is Adapter else "model"
        entries = (await self._look()).entries
        entry = entries.get(name)
        if entry is None:
            # in a thread: it follows links
            entry = await asyncio.to_thread(_find_file, name, entries.values(), self._roots)
        if entry is None:
            of_kind = (e.item.id for e in entries.values() if isinstance(e.item, kind))
            ids = [each for each in of_kind if self._allows(each)]
            raise ModelNotFoundError(_not_found(word, name, ids), param=param)
        if not self._allows(entry.item.id):
            raise ModelNotFoundError(
                f"The {word} {entry.item.id!r} may not be used on this server.", param=param
            )
        if entry.error:
            raise ModelFileError(f"{entry.item.id}: {entry.error}", param=param)
        return entry

    def _allows(self, model_id: str) -> bool:
        return self._allowed is None or model_id in self._allowed

    async def _look(self) -> Scan:
        """What a look at the disk has found that began after this call; callers share one."""
        wanted = self._num_begun + 1
        async with self._scanning:
            if self._num_done < wanted:
                self._num_begun = number = self._num_begun + 1
                self._scan = await asyncio.to_thread(_scan, self._roots, self._others, self._scan)
                self._num_done = number
            return self._scan


def _scan(roots: Sequence[Root], others: Others, before: Scan) -> Scan:
    # in the thread: all that reads files comes with it, and no server starts with a look
    from jupyter_llm.library.scan import scan

    first = [Entry(item=model) for model in (ECHO, *others())]
    return scan(roots, first, before.known)


def _roots(paths: Iterable[str], source: ModelSource) -> tuple[Root, ...]:
    absolute = (Path(path).expanduser().absolute() for path in paths)
    return tuple(Root(path=path, source=source) for path in dict.fromkeys(absolute))


def _find_file(name: str, entries: Iterable[Entry], roots: Sequence[Root]) -> Entry | None:
    """Look for a file name, then for a path from anywhere or in a root."""
    wanted = _real_paths(name, roots)
    is_file_name = name.lower().endswith(".gguf")
    for entry in entries:
        if is_file_name and Path(entry.item.path).name == name:
            return entry
        if wanted and not wanted.isdisjoint(str(Path(path).resolve()) for path in entry.paths):
            return entry
    return None


def _real_paths(name: str, roots: Sequence[Root]) -> set[str]:
    """What the name may mean as a path, as far as there is something."""
    try:
        named = Path(name).expanduser()
        asked = {(root.path / named).resolve() for root in roots}
        return {str(path) for path in asked if path.exists()}
    except (OSError, RuntimeError, ValueError):  # no home, a circle of links, no path at all
        return set()


def _not_found(word: str, name: str, ids: Sequence[str]) -> str:
    close = difflib.get_close_matches(name.removesuffix(".gguf"), ids)
    if close:
        return f"There is no {word} {name!r} here. Did you mean {', '.join(close)}?"
    return f"There is no {word} {name!r} here. There are: {', '.join(sorted(ids)[:8]) or 'none'}."
