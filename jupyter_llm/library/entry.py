"""What a look at the disk is given, and what it finds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from jupyter_llm.types import Adapter, Model, ModelSource

if TYPE_CHECKING:
    from jupyter_llm.errors import ModelFileError
    from jupyter_llm.library.facts import Described
    from jupyter_llm.library.files import FoundFile

Known = Mapping["tuple[FoundFile, ...]", "Described | ModelFileError"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Root:
    """A folder that models are looked for in, or one file or folder of a model."""

    path: Path
    source: ModelSource


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """Files under the name that they have here.

    `item` is what they hold; where they cannot be used, `error` says why, and `item` only
    where they lie. `paths` are the paths of all files, and of the folder they make up.
    """

    item: Model | Adapter
    paths: tuple[str, ...] = ()
    error: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Scan:
    """What one look has found, by id and in the order of the roots."""

    entries: Mapping[str, Entry] = field(default_factory=dict)
    known: Known = field(default_factory=dict)
